"""What the Kubernetes manifests say about times, probes and the Serve configuration."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from servekit.commands.manifests.pods import groups_of
from servekit.commands.manifests.serve_config import merged

QUICKER = float(os.environ.get("NODES_QUICKER", "3"))
"""By how much the tests divide the times of a drain, all of them alike."""

DRAIN = "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"
STOPPING = "graceful_shutdown_timeout_s"
RAY_DEFAULTS = {
    "RAY_SERVE_PROXY_MIN_DRAINING_PERIOD_S": 30,
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": 30,
}
"""How long a proxy and an ingress replica still answer once they are to go; the manifests keep
these."""


class Probe(NamedTuple):
    """A `readinessProbe` with httpGet."""

    path: str
    port: int
    period_s: float
    timeout_s: float
    failures: int


class Pod(NamedTuple):
    """How the head or a worker runs.

    Attributes:
        before: What its shell does before `ray start`.
        options: Of `ray start`, by name.
        environment: Without what settings and secrets of the overlay add.
    """

    before: str
    options: Mapping[str, str]
    environment: Mapping[str, str]


class Manifests(NamedTuple):
    """What a cluster of one head and two workers is started with.

    Attributes:
        head: The head.
        worker: Each worker.
        grace_s: How long a worker has between SIGTERM and SIGKILL.
        readiness: How a worker is asked whether it may get requests.
        serve: The Serve configuration.
    """

    head: Pod
    worker: Pod
    grace_s: float
    readiness: Probe
    serve: dict[str, Any]


def manifests(project: Path) -> Manifests:
    """Return what the base of the manifests says; a drain takes `QUICKER` times less."""
    base = project / "deploy/kubernetes/base/rayservice.yaml"
    service = yaml.safe_load(base.read_text("utf-8"))
    head, worker = groups_of(service)
    probe = worker.container["readinessProbe"]
    own = yaml.safe_load((project / "serve.yaml").read_text("utf-8"))
    serve = merged(own, service["spec"]["serveConfigV2"])
    for deployment in serve["applications"][0]["deployments"]:
        deployment[STOPPING] /= QUICKER
    return Manifests(
        *(
            Pod(one.container["args"][0], one.spec["rayStartParams"], quicker(one.env))
            for one in (head, worker)
        ),
        grace_s=worker.pod["terminationGracePeriodSeconds"] / QUICKER,
        readiness=Probe(
            probe["httpGet"]["path"],
            worker.ports[probe["httpGet"]["port"]],
            probe["periodSeconds"],
            probe["timeoutSeconds"],
            probe["failureThreshold"],
        ),
        serve=serve,
    )


def quicker(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a pod, with quicker draining."""
    times = {**RAY_DEFAULTS, DRAIN: float(environment[DRAIN])}
    return {**environment, **{name: f"{one / QUICKER:g}" for name, one in times.items()}}

"""The Serve configuration that tests run."""

from typing import Any

import yaml

from .project import tested

MODEL = {
    "num_replicas": 1,
    "max_ongoing_requests": 100,
    "max_queued_requests": 64,
    "graceful_shutdown_timeout_s": 20,
    "max_surge_percent": 100,
    "ray_actor_options": {"num_cpus": 0.05},
}
"""The block of each model."""


def own() -> dict[str, Any]:
    """The service, small, with the options of each transport that has a `serve_<name>.yaml`.

    The numbers of `serve.yaml` are the operator's, so no test runs them or counts on them.
    """
    config: dict[str, Any] = {}
    for path in sorted((tested().folder / "tests").glob("serve*.yaml")):
        config |= yaml.safe_load(path.read_text(encoding="utf-8"))
    [service] = config["applications"]
    service["deployments"] += [{"name": one.name} | MODEL for one in tested().wiring.models()]
    return config

"""What manifests have to agree on, within themselves and with `serve.yaml`."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from dotenv import dotenv_values
from ray import __version__ as ray_version

from .kustomize import Block
from .pods import (
    Group,
    as_seconds,
    containers_of,
    groups_of,
    pod_templates,
)

HEAD_PORTS = ("gcs-server", "dashboard", "serve", "metrics")
"""What KubeRay would name by itself, if the head named no port."""
PROXY_LEAVES_S = 35
"""How long after SIGTERM HAProxy still answers."""
RAY_ENDS_S = 15
"""How long a node that has drained may take to end."""
ASKED = {"path": "/-/healthz", "port": "serve", "scheme": "HTTP"}
DRAIN = "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"
SERVER_TIMEOUT = "RAY_SERVE_HAPROXY_TIMEOUT_SERVER_S"
PROFILE_HERE = Path("deploy/serve.env")
IN_IMAGE = "/srv"
PROFILE = f"{IN_IMAGE}/deploy/serve.env"
READ_PROFILE = f"set -ea; . {PROFILE}; set +ea"
OVERWRITTEN = "ray.io/overwrite-container-cmd"
COMPONENT = "app.kubernetes.io/component"


@dataclass(frozen=True)
class Manifests:
    """What an overlay makes, completed.

    Attributes:
        documents: The resources.
        service: The RayService among them.
        serve: The Serve configuration in it.
    """

    documents: list[Block]
    service: Block
    serve: Block

    @cached_property
    def groups(self) -> list[Group]:
        return groups_of(self.service)

    @property
    def head(self) -> Group:
        return self.groups[0]

    @property
    def workers(self) -> list[Group]:
        return self.groups[1:]

    @property
    def name(self) -> str:
        return str(self.service["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.service["metadata"].get("namespace", ""))

    @property
    def serve_service(self) -> str:
        """The name of the Service that KubeRay makes for callers."""
        own: Block = self.service["spec"].get("serveService") or {}
        return str((own.get("metadata") or {}).get("name") or f"{self.name}-serve-svc")

    @property
    def cluster(self) -> Block:
        return self.service["spec"]["rayClusterConfig"]

    @property
    def scales(self) -> bool:
        """Whether the number of workers follows the load."""
        return bool(self.cluster.get("enableInTreeAutoscaling"))

    @property
    def deployments(self) -> list[Block]:
        """Of the Serve configuration."""
        return [one for app in self.serve["applications"] for one in app.get("deployments", [])]

    @property
    def settings(self) -> dict[str, str]:
        """Of the head, from ConfigMaps: what the workers have too."""
        return {name: one for data in self.config_maps.values() for name, one in data.items()}

    @property
    def config_maps(self) -> dict[str, dict[str, str]]:
        """What the head takes its settings from, by name."""
        maps = {one["metadata"]["name"]: one.get("data") or {} for one in self.of_kind("ConfigMap")}
        wanted = [one.get("configMapRef") for one in self.head.container.get("envFrom") or []]
        names = [one.get("name") for one in wanted if one]
        return {name: maps[name] for name in names if name in maps}

    def of_kind(self, *kinds: str) -> list[Block]:
        return [one for one in self.documents if one["kind"] in kinds]


def in_settings(manifests: Manifests) -> Iterator[str]:
    """Check that head and workers run the same service: image, settings and profile."""
    for group in manifests.groups:
        image = str(group.container.get("image", ""))
        if image != manifests.head.container.get("image"):
            yield f"{group.what} has another image than the head: {image}."
        if group.container.get("envFrom") != manifests.head.container.get("envFrom"):
            yield f"{group.what} takes its settings from elsewhere than the head."
        if {"REDIS_PASSWORD", "RAY_REDIS_ADDRESS"} & group.env.keys():
            yield f"{group.what} sets Redis for Ray: that belongs into gcsFaultToleranceOptions."
        args = " ".join(map(str, group.container.get("args", [])))
        if not args.startswith(READ_PROFILE) or "&&" in args:
            yield f"{group.what} must read {PROFILE} in its args as in the base, with ; and not &&."
        if "command" in group.container or OVERWRITTEN in group.annotations:
            yield f"{group.what} must have no command: KubeRay starts Ray behind its args."
        if group.pod.get("enableServiceLinks") is not False:
            yield f"{group.what} needs enableServiceLinks: false, or Services set its variables."
    for owner, template in pod_templates(manifests.documents):
        for one in containers_of(template):
            yield from in_image(owner, str(one.get("image", "")))


def in_image(owner: str, image: str) -> Iterator[str]:
    tag = image.rpartition("/")[2].partition(":")[2]
    if "@" not in image and tag in {"", "latest"}:
        yield f"{owner}: the image {image!r} needs a fixed tag, and not `latest`."


def in_ports(manifests: Manifests) -> Iterator[str]:
    """Check ports of pods beside those of `serve.yaml`."""
    http, grpc = manifests.serve["http_options"], manifests.serve.get("grpc_options")
    if http.get("host") != "0.0.0.0":  # noqa: S104  (the pod's own network)
        yield f"serveConfigV2 listens on {http.get('host')}: no other pod would reach that."
    wanted = {"serve": http.get("port", 8000)}
    wanted |= {"serve-grpc": grpc.get("port", 9000)} if grpc else {}
    for group in manifests.groups:
        for name, port in wanted.items():
            if (own := group.ports.get(name)) != port:
                yield f"{group.what} has port {own} as {name!r}, and serve.yaml listens on {port}."
        for name in serving_ports(group).keys() - wanted.keys():
            yield f"{group.what} has a port {name!r} that serve.yaml does not listen on."
    for name in HEAD_PORTS:
        if name not in manifests.head.ports:
            yield f"The head must name the port {name!r}: with others named, KubeRay does not."
    own: Any = manifests.service["spec"].get("serveService", {})
    for one in own.get("spec", {}).get("ports", []):
        if one["port"] not in wanted.values():
            yield f"The Service has port {one['port']}, on which nothing listens."


def serving_ports(group: Group) -> dict[str, int]:
    return {name: port for name, port in group.ports.items() if name.split("-")[0] == "serve"}


def in_probes(manifests: Manifests) -> Iterator[str]:
    for group in manifests.groups:
        if "livenessProbe" in group.container:
            yield f"{group.what} has a livenessProbe: remove it, KubeRay's own is more patient."
    for group in manifests.workers:
        asked: Any = group.container.get("readinessProbe", {}).get("httpGet", {})
        if asked | {"scheme": "HTTP"} != ASKED or asked.get("scheme", "HTTP") != "HTTP":
            yield (
                f"{group.what} needs a readinessProbe for /-/healthz on the port 'serve': "
                "KubeRay's own probe wants wget."
            )
            continue
        probe: Block = group.container["readinessProbe"]
        late_s = probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)
        if late_s > PROXY_LEAVES_S:
            yield (
                f"{group.what} drains for {late_s} s before its readinessProbe fails, and its "
                f"proxy is gone after {PROXY_LEAVES_S}: lower periodSeconds or failureThreshold."
            )


def in_lifetimes(manifests: Manifests) -> Iterator[str]:
    """Check that what is under way may finish where a pod ends."""
    granted = (one.get("graceful_shutdown_timeout_s") for one in manifests.deployments)
    longest = max((20 if one is None else one for one in granted), default=20)
    for group in manifests.groups:
        drain, grace = group.seconds(DRAIN, 30), grace_s(group)
        if grace < drain + RAY_ENDS_S:
            yield (
                f"{group.what} drains for {drain:g} s and is killed after {grace:g}: Ray needs "
                f"{RAY_ENDS_S} more for its own end."
            )
        if not group.is_head and drain < longest + PROXY_LEAVES_S:
            yield (
                f"{group.what} drains for {drain:g} s: {longest:g} of graceful_shutdown_timeout_s "
                f"and {PROXY_LEAVES_S} of the proxy do not fit."
            )
        if group.seconds(SERVER_TIMEOUT, 0) <= 0:
            yield f"{group.what} needs {SERVER_TIMEOUT}: calls to a lost node would hang for ever."
        if "preStop" in group.container.get("lifecycle", {}):
            yield f"{group.what} has a preStop: the proxy has to answer while the pod drains."


def in_proxies(manifests: Manifests) -> Iterator[str]:
    """Check that all workers have HAProxy, and that what it cuts off has been over before."""
    if (place := manifests.serve.get("proxy_location", "EveryNode")) != "EveryNode":
        yield f"proxy_location must be EveryNode, and is {place}: workers take the requests."
    stop = float(dotenv_values(PROFILE_HERE).get("RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S") or 0)
    stays = manifests.service["spec"].get("rayClusterDeletionDelaySeconds", 60)
    if stays < stop:
        yield (
            f"rayClusterDeletionDelaySeconds is {stays}: an old cluster carries streams for "
            f"{stop:g} s, by RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S."
        )
    for group in manifests.groups:
        limit = group.seconds(SERVER_TIMEOUT, 0)
        for name in ("WEBSOCKETS_IDLE_TIMEOUT_S", "BATCHER_TIMEOUT_S"):
            said = group.env.get(name) or manifests.settings.get(name) or "0"
            if as_seconds(said, name) >= limit > 0:
                yield f"{group.what}: {SERVER_TIMEOUT} is {limit:g}, and {name} is {said}."


def in_volumes(manifests: Manifests) -> Iterator[str]:
    """Check that there is room for what is written, and the same versions on all workers."""
    for group in manifests.groups:
        if not group.mounts("/tmp"):  # noqa: S108  (of a pod)
            yield f"{group.what} has no volume at /tmp, where Ray writes."
    cache = manifests.settings.get("MODEL_CACHE", "")
    store = manifests.settings.get("MODEL_STORE", "").removeprefix("file:")
    database = manifests.settings.get("FEEDBACK_URL", "")
    if database.startswith("sqlite") and sum(group.replicas for group in manifests.workers) > 1:
        yield "FEEDBACK_URL is a file, of which each pod would have its own: take PostgreSQL."
    mounted = any(group.mounts(store) for group in manifests.workers)
    for group in manifests.workers:
        if cache and not group.mounts(cache):
            yield f"{group.what} has no volume at MODEL_CACHE, which is {cache}."
        if (mounted or is_outside(store)) and not group.mounts(store, writing=False):
            yield f"{group.what} has no volume at MODEL_STORE, which is {store}."


def is_outside(store: str) -> bool:
    """Whether a model store is a folder, and not one of the image."""
    return store.startswith("/") and not PurePosixPath(store).is_relative_to(IN_IMAGE)


def grace_s(group: Group) -> float:
    return float(group.pod.get("terminationGracePeriodSeconds", 30))


def in_cluster(manifests: Manifests) -> Iterator[str]:
    """Check what KubeRay's operator, and we, ask of a RayService."""
    spec, cluster = manifests.service["spec"], manifests.cluster
    if cluster["rayVersion"] != ray_version:
        yield f"rayVersion is {cluster['rayVersion']}, and the project has Ray {ray_version}."
    if cluster["authOptions"]["mode"] != "token":
        yield "authOptions.mode must be `token`: the dashboard runs code for those that reach it."
    if "ray.io/initializing-timeout" in manifests.service["metadata"].get("annotations", {}):
        yield "ray.io/initializing-timeout is dangerous: once it passes, the service stays dead."
    if not spec.get("excludeHeadPodFromServeSvc"):
        yield "excludeHeadPodFromServeSvc must be true: the head may be gone for a while."
    if manifests.head.capacity["num_cpus"]:
        yield "The head must have num-cpus 0: replicas there would go with it."
    scales = manifests.scales
    names = Counter(group.name for group in manifests.workers)
    yield from (f"There are two groups {name!r}." for name, times in names.items() if times > 1)
    for group in manifests.workers:
        least, now, most = (group.spec[f"{key}eplicas"] for key in ("minR", "r", "maxR"))
        if not least <= now <= most or (not scales and least != most):
            why = "in that order" if scales else "the same, where nothing scales"
            yield f"{group.what}: minReplicas, replicas and maxReplicas must be {why}."
    if scales and manifests.head.pod.get("automountServiceAccountToken") is False:
        yield "The head needs automountServiceAccountToken: the autoscaler speaks to Kubernetes."


def in_upgrades(manifests: Manifests) -> Iterator[str]:
    strategy = manifests.service["spec"]["upgradeStrategy"]
    if strategy["type"] != "NewClusterWithIncrementalUpgrade":
        return
    if not manifests.scales or "clusterUpgradeOptions" not in strategy:
        yield "An incremental upgrade needs clusterUpgradeOptions and enableInTreeAutoscaling."
    if manifests.serve.get("grpc_options"):
        yield "An incremental upgrade carries no gRPC: take NewCluster."


def in_fault_tolerance(manifests: Manifests) -> Iterator[str]:
    """Check that the head does not rely on a Redis that is for trying out."""
    options: Block = manifests.cluster.get("gcsFaultToleranceOptions") or {}
    host = str(options.get("redisAddress", "")).removeprefix("redis://").partition(":")[0]
    for one in manifests.of_kind("Deployment"):
        labels = (one["spec"]["template"].get("metadata") or {}).get("labels") or {}
        if one["metadata"]["name"] == host and labels.get(COMPONENT) == "backend":
            yield (
                f"redisAddress is {host!r} of the component `backends`, which has no password and "
                "drops what it was given: the head needs another."
            )


def bounds_of(deployment: Block) -> Block:
    """Return how many replicas there may be; empty where their number is fixed."""
    own: Block = deployment.get("autoscaling_config") or {}
    automatic = {"min_replicas": 1, "max_replicas": 100}
    return automatic | own if deployment.get("num_replicas") == "auto" else own

"""Holds manifests against the schemas of Kubernetes, and a RayService against KubeRay's keys."""

from collections.abc import Iterator
from functools import cache

import kubernetes_validate
from kubernetes_validate.utils import all_versions, schema_contents
from pydantic import ValidationError

from .envelope import Whole
from .kustomize import Block
from .pods import pod_templates
from .rules import Manifests
from .vocabulary import in_vocabulary

KUBERNETES = "1.37"
"""The newest that the installed schemas are of."""
WITH_A_SPEC = {
    *("DaemonSet", "Deployment", "StatefulSet", "Job", "CronJob", "PersistentVolumeClaim"),
    *("GRPCRoute", "HTTPRoute", "Ingress", "NetworkPolicy", "PodDisruptionBudget", "Service"),
    *("ExternalSecret", "PodMonitor", "ServiceMonitor"),
}
"""Kinds that are nothing without one, though schemas do not ask for it."""
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}}


def in_schemas(manifests: Manifests) -> Iterator[str]:
    """Yield a sentence for each resource, and each template of pods, that has the wrong form."""
    for one in manifests.documents:
        name = f"{one['kind']} {one['metadata']['name']!r}"
        found = [*(in_ray_service(one, name) if one is manifests.service else in_schema(one, name))]
        if one["kind"] in WITH_A_SPEC and not isinstance(one.get("spec"), dict) and not found:
            found = [f"{name}: spec: it is missing."]
        yield from found
        if not found and (one is manifests.service or is_of_kubernetes(one)):
            yield from (f"{name}: {fault}" for fault in in_vocabulary(one))


@cache
def served() -> frozenset[tuple[str, str]]:
    """Return what Kubernetes serves by itself: the version of its API, and the kind."""
    version = next(one for one in all_versions() if one.startswith(f"{KUBERNETES}."))
    file = f"kubernetes-json-schema/v{version}-local-strict/_definitions.json"
    kinds = [
        kind
        for one in schema_contents(file, KUBERNETES)["$defs"].values()
        for kind in one.get("x-kubernetes-group-version-kind", [])
    ]
    return frozenset((f"{one['group']}/{one['version']}".lstrip("/"), one["kind"]) for one in kinds)


def is_of_kubernetes(resource: Block) -> bool:
    """Whether the group of a resource's API is one of Kubernetes' own."""
    group = group_of(resource["apiVersion"])
    return "." not in group or group in {group_of(version) for version, _ in served()}


def group_of(version: str) -> str:
    return version.rpartition("/")[0]


def in_ray_service(service: Block, name: str) -> Iterator[str]:
    if found := [*in_envelope(service, name)]:
        yield from found
        return
    spec, cluster = service["spec"], service["spec"]["rayClusterConfig"]
    parts = {"serveService": spec, "headService": cluster["headGroupSpec"]}
    for key, block in parts.items():
        if own := block.get(key):
            yield from in_schema({"apiVersion": "v1", "kind": "Service", **own}, f"{name}, {key}")
    yield from in_schema({**POD, "metadata": service["metadata"]}, name)
    redis: Block = cluster.get("gcsFaultToleranceOptions") or {}
    for key in ("redisUsername", "redisPassword"):
        variable = {"name": key, **redis.get(key, {})}
        spec = {"containers": [{"name": "ray", "env": [variable]}]}
        yield from in_schema({**POD, "spec": spec}, f"{name}, {key}")
    for owner, template in pod_templates([service]):
        metadata = {"name": "one"} | (template.get("metadata") or {})
        yield from in_schema({**POD, "metadata": metadata, "spec": template.get("spec")}, owner)


def in_envelope(service: Block, name: str) -> Iterator[str]:
    try:
        Whole.model_validate(service)
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False):
            place = ".".join(map(str, one["loc"]))
            if one["type"] == "extra_forbidden":
                yield f"{name}: Unknown key {place!r}, or one that KubeRay leaves off by default."
            else:
                yield f"{name}: {place}: {one['msg']}."


def in_schema(resource: Block, name: str) -> Iterator[str]:
    """Check the form of a resource; of another operator's, that of its metadata."""
    version, kind = resource["apiVersion"], resource["kind"]
    if not is_of_kubernetes(resource):
        version, kind = "v1", "ConfigMap"
        resource = {"apiVersion": version, "kind": kind, "metadata": resource["metadata"]}
    if (version, kind) not in served():
        others = sorted(one for one, same in served() if same == kind)
        hint = f": it has {' and '.join(others)}" if others else ""
        yield f"{name}: Kubernetes {KUBERNETES} has no {kind} of {version}{hint}."
        return
    try:
        kubernetes_validate.validate(resource, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        place = ".".join(map(str, error.path)) or "the top"
        yield f"{name}: {place}: {error.message}."


def without_schema(manifests: Manifests) -> list[str]:
    """Return the kinds that have no schema here: those of other operators."""
    kinds = {one["kind"] for one in manifests.documents if not is_of_kubernetes(one)}
    return sorted(kinds - {"RayService"})

"""Holds manifests against the schemas of Kubernetes, and a RayService against KubeRay's keys."""

from collections.abc import Iterator

import kubernetes_validate
from pydantic import ValidationError

from .envelope import Whole
from .kustomize import Block
from .pods import pod_templates
from .rules import Manifests

KUBERNETES = "1.37"
"""The newest that the installed schemas are of."""


def in_schemas(manifests: Manifests) -> Iterator[str]:
    """Yield a sentence for each resource, and each template of pods, that has the wrong form."""
    for one in manifests.documents:
        name = f"{one['kind']} {one['metadata']['name']!r}"
        if one["kind"] == "RayService":
            yield from in_ray_service(one, name)
        else:
            yield from in_schema(one, name)


def in_ray_service(service: Block, name: str) -> Iterator[str]:
    if found := [*in_envelope(service, name)]:
        yield from found
        return
    if own := service["spec"].get("serveService"):
        yield from in_schema({"apiVersion": "v1", "kind": "Service", **own}, f"{name}, its Service")
    for owner, template in pod_templates([service]):
        labels = {"metadata": {"name": "one"} | (template.get("metadata") or {})}
        pod = {"apiVersion": "v1", "kind": "Pod", **labels, "spec": template.get("spec")}
        yield from in_schema(pod, owner)


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
    try:
        kubernetes_validate.validate(resource, KUBERNETES, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        return  # another operator's kind
    except kubernetes_validate.ValidationError as error:
        place = ".".join(map(str, error.path)) or "the top"
        yield f"{name}: {place}: {error.message}."


def without_schema(manifests: Manifests) -> list[str]:
    """Return the kinds that have no schema here: those of other operators."""
    kinds = {one["kind"] for one in manifests.documents if "." in group_of(one)}
    return sorted(kinds - {"RayService"})


def group_of(resource: Block) -> str:
    """Return the group of a resource's API where it is not one of Kubernetes' own."""
    group = str(resource["apiVersion"]).rpartition("/")[0]
    return "" if group.endswith(".k8s.io") and "gateway" not in group else group

"""What manifests may say, and what had better be known of it."""

import math
from collections.abc import Iterator

from ray.util import accelerators

from .completion import tag_of
from .kustomize import Block
from .pods import quantity, values
from .rules import Manifests

EXAMPLE = "example.com"
KNOWN_TO_RAY = {one for one in vars(accelerators).values() if isinstance(one, str)}


def notes(manifests: Manifests) -> Iterator[str]:
    """Yield a sentence for each value that is valid, and may not be what is meant."""
    spec = manifests.service["spec"]
    yield from of_examples(manifests)
    yield from of_code(manifests)
    yield from of_groups(manifests)
    if spec.get("suspend"):
        yield "suspend is true: nothing runs."
    if spec["upgradeStrategy"]["type"] == "None":
        yield "upgradeStrategy.type is None: a new image, settings or pods reach no cluster."
    for one in manifests.of_kind("HTTPRoute"):
        for limit in {each["request"] for each in values(one, "timeouts") if "request" in each}:
            if limit != "0s":
                yield f"HTTPRoute {one['metadata']['name']!r} cuts streams after {limit}."


def of_examples(manifests: Manifests) -> Iterator[str]:
    """Name what the overlay `production` leaves to be filled in."""
    found = [one for one in manifests.documents if EXAMPLE in str(one)]
    names = sorted(f"{one['kind']} {one['metadata']['name']!r}" for one in found)
    if names:
        yield f"Replace {EXAMPLE} in: {', '.join(names)}."


def of_code(manifests: Manifests) -> Iterator[str]:
    tag = tag_of(manifests.service)
    for application in manifests.serve["applications"]:
        build = (application.get("args") or {}).get("build", tag)
        if build != tag:
            name = application.get("name", "default")
            yield f"build of {name!r} is {build}, and the tag of the image {tag}."
    options: list[Block] = [one.get("ray_actor_options") or {} for one in manifests.deployments]
    for kind in {one["accelerator_type"] for one in options if one.get("accelerator_type")}:
        if kind not in KNOWN_TO_RAY:
            yield f"accelerator_type {kind} is not in Ray's list: check its name."


def of_groups(manifests: Manifests) -> Iterator[str]:
    for group in manifests.workers:
        requests = (group.container.get("resources") or {}).get("requests") or {}
        told, there = group.capacity["num_cpus"], math.ceil(quantity(requests.get("cpu", 0)))
        if told > there:
            yield f"{group.what} has num-cpus {told:g}, and requests {there} CPUs."

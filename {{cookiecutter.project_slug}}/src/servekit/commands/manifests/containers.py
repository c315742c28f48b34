"""Whether what a pod consists of fits together: containers, volumes, ports, probes, resources."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from .kustomize import Block
from .pods import containers_of, pod_templates, quantity
from .rules import Manifests

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
AGENT = 52365
"""The port of Ray's agent, which KubeRay's own probes ask; none names it."""
RESOURCES = {"cpu", "memory", "ephemeral-storage"}
"""Those of Kubernetes itself; others have the domain of their vendor before them."""
LEAST_BYTES = 2**20


def in_pods(manifests: Manifests) -> Iterator[str]:
    for owner, template in pod_templates(manifests.documents):
        for look in (in_volumes, in_repetitions, in_probes, in_resources):
            yield from (f"{owner}: {one}." for one in look(template))


def in_volumes(template: Block) -> Iterator[str]:
    volumes: list[Block] = template["spec"].get("volumes") or []
    there = {one["name"] for one in volumes}
    mounted = {
        mount["name"]
        for one in containers_of(template)
        for key in ("volumeMounts", "volumeDevices")
        for mount in one.get(key) or []
    }
    for name in sorted(mounted - there):
        yield f"the volume {name!r} is mounted, and there is none"
    for name in sorted(there - mounted):
        yield f"no container mounts the volume {name!r}"
    for one in volumes:
        if len(kinds := sorted(one.keys() - {"name"})) > 1:
            yield f"the volume {one['name']!r} may be one of {' and '.join(kinds)}, and not both"


def in_repetitions(template: Block) -> Iterator[str]:
    """Check that what is found by a name or number is there once."""
    containers = containers_of(template)
    ports = [port for one in template["spec"]["containers"] for port in one.get("ports") or []]
    numbers = [f"{one['containerPort']}/{one.get('protocol', 'TCP')}" for one in ports]
    yield from twice("container", (one["name"] for one in containers))
    yield from twice("volume", (one["name"] for one in template["spec"].get("volumes") or []))
    yield from twice("port", (one["name"] for one in ports if "name" in one))
    yield from twice("port", numbers)
    for one in containers:
        of = f" of {one['name']!r}"
        yield from twice(f"variable{of}", (each["name"] for each in one.get("env") or []))
        for each in one.get("env") or []:
            if {"value", "valueFrom"} <= each.keys():
                yield f"the variable {each['name']!r}{of} has a value and a valueFrom"
        paths = (each["mountPath"] for each in one.get("volumeMounts") or [])
        yield from twice(f"mount{of}", paths)


def twice(what: str, names: Iterable[Any]) -> Iterator[str]:
    yield from (f"duplicate {what}: {name!r}" for name, n in Counter(names).items() if n > 1)


def in_probes(template: Block) -> Iterator[str]:
    """Check that probes ask a port that the container has, if it names any."""
    for one in containers_of(template):
        ports = one.get("ports") or []
        there = {port.get("name") for port in ports} | {port["containerPort"] for port in ports}
        for probe in PROBES:
            for asked in (one.get(probe) or {}).values():
                port = asked.get("port") if isinstance(asked, dict) else None
                named = isinstance(port, str)
                if port is not None and port not in {*there, AGENT} and (ports or named):
                    yield f"the {probe} of {one['name']!r} asks port {port!r}, which it lacks"


def in_resources(template: Block) -> Iterator[str]:
    for one in containers_of(template):
        name, resources = one["name"], one.get("resources") or {}
        limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
        for kind in sorted({*limits, *requests}):
            if "/" not in kind and kind not in RESOURCES and not kind.startswith("hugepages-"):
                yield f"{name!r} has the unknown resource {kind!r}"
        for kind, amount in requests.items():
            least = limits.get(kind, "0" if "/" in kind else amount)
            if quantity(amount) > quantity(least):
                yield f"{name!r} requests {amount} of {kind}, and its limit is {least}"
        for amount in sorted({str(one["memory"]) for one in (limits, requests) if "memory" in one}):
            if quantity(amount) < LEAST_BYTES:
                yield f"{name!r} has {amount} of memory: a number of bytes, as in 512Mi"

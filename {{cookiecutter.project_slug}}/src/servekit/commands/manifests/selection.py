"""Whether budgets, policies and monitors select the pods that are meant, and what they let in."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .kustomize import Block
from .pods import Group
from .rules import Manifests, serving_ports

Labels = Mapping[str, str]

OPERATOR = {"app.kubernetes.io/name": "kuberay-operator"}
STRANGER = {"app.kubernetes.io/name": "any"}
ANY_PORT = 30000
"""One of those that Ray's nodes use among each other."""


def selects(selector: Block, labels: Labels) -> bool:
    """Whether a label selector selects; an empty one selects everything."""
    equal = selector.get("matchLabels", {}).items() <= labels.items()
    return equal and all(holds(one, labels) for one in selector.get("matchExpressions", []))


def holds(expression: Block, labels: Labels) -> bool:
    present, value = expression["key"] in labels, labels.get(expression["key"])
    return {
        "Exists": present,
        "DoesNotExist": not present,
        "In": value in expression.get("values", []),
        "NotIn": value not in expression.get("values", []),
    }[expression["operator"]]


def in_budgets(manifests: Manifests) -> Iterator[str]:
    workers = sum(group.replicas for group in manifests.workers)
    for one in manifests.of_kind("PodDisruptionBudget"):
        spec, name = one["spec"], one["metadata"]["name"]
        least = spec.get("minAvailable")
        if not isinstance(least, int) or "maxUnavailable" in spec:
            yield f"PodDisruptionBudget {name!r} must say minAvailable, as a whole number."
        elif least >= workers:
            yield (
                f"PodDisruptionBudget {name!r} keeps {least} of {workers} workers: no node could "
                "ever be drained."
            )
        for group in manifests.groups:
            if selects(spec["selector"], group.labels) == group.is_head:
                wrong = "selects" if group.is_head else "does not select"
                yield f"PodDisruptionBudget {name!r} {wrong} {group.what.lower()}."
    if workers > 1 and not manifests.of_kind("PodDisruptionBudget"):
        yield "There is no PodDisruptionBudget: a drain could take all workers at once."


def in_policies(manifests: Manifests) -> Iterator[str]:
    """Check that what has to connect can, and nothing reaches what runs code."""
    policies = manifests.of_kind("NetworkPolicy")
    for group in manifests.groups:
        own = [one["spec"] for one in policies if selects(one["spec"]["podSelector"], group.labels)]
        if not own:
            yield f"No NetworkPolicy selects {group.what.lower()}: its ports are open to all pods."
            continue
        for other in manifests.groups:
            if not lets_in(own, ANY_PORT, other.labels, same=True):
                yield f"{group.what} is closed to {other.what.lower()}: Ray's nodes would not meet."
        if "metrics" in group.ports and not opened(own, group.ports["metrics"]):
            yield f"{group.what} lets no Prometheus in: nothing opens its port 'metrics'."
        yield from in_openings(group, own)


def in_openings(group: Group, own: Sequence[Block]) -> Iterator[str]:
    if group.is_head:
        dashboard = group.ports["dashboard"]
        if not lets_in(own, dashboard, OPERATOR, same=False):
            yield "The head is closed to KubeRay's operator: the service would never start."
        if lets_in(own, dashboard, STRANGER, same=True):
            yield "The dashboard is open to other pods, and runs code for those with the token."
        return
    for name, port in serving_ports(group).items():
        if not opened(own, port):
            yield f"{group.what} is closed to callers: nothing opens its port {name!r}."
    if lets_in(own, ANY_PORT, STRANGER, same=True):
        yield f"{group.what} has Ray's own ports open to other pods."


def lets_in(policies: Sequence[Block], port: int, labels: Labels, *, same: bool) -> bool:
    """Whether a pod with these labels, of the same namespace or another, may connect."""
    return any(
        has_port(rule, port) and has_peer(rule, labels, same=same)
        for policy in policies
        for rule in policy.get("ingress", [])
    )


def opened(policies: Sequence[Block], port: int) -> bool:
    """Whether a rule names this port, for peers of its own."""
    return any(
        "ports" in rule and has_port(rule, port)
        for policy in policies
        for rule in policy.get("ingress", [])
    )


def has_port(rule: Block, port: int) -> bool:
    ports: Any = rule.get("ports")
    return not ports or any(one["port"] <= port <= one.get("endPort", one["port"]) for one in ports)


def has_peer(rule: Block, labels: Labels, *, same: bool) -> bool:
    def is_meant(peer: Block) -> bool:
        if "ipBlock" in peer:
            return False
        pods = selects(peer.get("podSelector", {}), labels)
        return pods and (peer["namespaceSelector"] == {} if "namespaceSelector" in peer else same)

    return not rule.get("from") or any(is_meant(one) for one in rule["from"])


def in_selectors(manifests: Manifests) -> Iterator[str]:
    """Check what Prometheus collects, and how workers are spread."""
    for one in manifests.of_kind("PodMonitor"):
        for group in manifests.groups:
            if not selects(one["spec"]["selector"], group.labels):
                name = one["metadata"]["name"]
                yield f"PodMonitor {name!r} does not select {group.what.lower()}."
            for end in one["spec"]["podMetricsEndpoints"]:
                if end.get("port") not in group.ports:
                    yield f"{group.what} has no port {end.get('port')!r} for Prometheus."
    for group in manifests.workers:
        for one in group.pod.get("topologySpreadConstraints", []):
            if not selects(one.get("labelSelector", {}), group.labels):
                yield f"{group.what} is not among the pods that it is spread with."

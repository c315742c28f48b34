"""Whether budgets, policies and monitors select the pods that are meant, and what they let in."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .kustomize import Block, ManifestsError
from .pods import Group, containers_of, pod_templates, values
from .rules import Manifests, serving_ports
from .spelling import is_misspelt
from .vocabulary import OPERATORS

Labels = Mapping[str, str]

SELECTORS = {
    "NetworkPolicy": "podSelector",
    "PodDisruptionBudget": "selector",
    "PodMonitor": "selector",
    "Service": "selector",
    "ServiceMonitor": "selector",
}
"""Where the selector of a kind is in its `spec`."""
OPERATOR = {"app.kubernetes.io/name": "kuberay-operator"}
INSTANCE = "app.kubernetes.io/instance"
ANYONE: Block = {}
"""A peer without a condition."""
ALERTED = re.compile(r'kuberay_service_\w+\{[^}]*\bname="([^"]*)"')
ANY_PORT = 30000
"""One of those that Ray's nodes use among each other."""
EVERY_PORT = range(1, 65536)


def selects(selector: Block, labels: Labels) -> bool:
    """Whether a label selector selects; an empty one selects everything."""
    equal = (selector.get("matchLabels") or {}).items() <= labels.items()
    return equal and all(holds(one, labels) for one in selector.get("matchExpressions") or [])


def holds(expression: Block, labels: Labels) -> bool:
    """Whether an expression holds. Raises ManifestsError if it is none."""
    key, operator = expression.get("key"), expression.get("operator")
    if key is None or operator not in OPERATORS:
        said = f"the key {key!r} and the operator {operator!r}"
        raise ManifestsError(
            f"A selector has {said}: it needs a key, and one of {', '.join(OPERATORS)}."
        )
    present, value = key in labels, labels.get(key)
    return {
        "Exists": present,
        "DoesNotExist": not present,
        "In": value in (expression.get("values") or []),
        "NotIn": value not in (expression.get("values") or []),
    }[operator]


def concerns(resource: Block, manifests: Manifests) -> bool:
    """Whether a resource is the service's: by its name, or because it selects one of its pods."""
    selector = resource["spec"].get("selector")
    selected = selector is not None and any(
        selects(selector, group.labels) for group in manifests.groups
    )
    return selected or resource["metadata"]["name"] == manifests.name


def in_budgets(manifests: Manifests) -> Iterator[str]:
    """Check that each worker is in one budget, which lets one of its workers go."""
    own = [one for one in manifests.of_kind("PodDisruptionBudget") if concerns(one, manifests)]
    for one in own:
        yield from (
            f"PodDisruptionBudget {one['metadata']['name']!r} {fault}"
            for fault in in_budget(one["spec"], manifests)
        )
    names = " and ".join(repr(one["metadata"]["name"]) for one in own)
    for group in manifests.workers:
        times = sum(has(one["spec"], group) for one in own)
        if own and not times:
            yield f"PodDisruptionBudget {names} does not select {group.what.lower()}."
        if times > 1:
            yield f"{group.what} is in several budgets, and Kubernetes then lets no pod of it go."
    if not own and sum(group.replicas for group in manifests.workers) > 1:
        yield "There is no PodDisruptionBudget: a drain could take all workers at once."


def has(budget: Block, group: Group) -> bool:
    return budget.get("selector") is not None and selects(budget["selector"], group.labels)


def in_budget(spec: Block, manifests: Manifests) -> Iterator[str]:
    workers = sum(group.replicas for group in manifests.workers if has(spec, group))
    least = spec.get("minAvailable")
    if spec.get("selector") is None:
        yield "has no selector: it holds for no pod."
    if has(spec, manifests.head):
        yield "selects the head."
    if not isinstance(least, int) or "maxUnavailable" in spec:
        yield "must say minAvailable, as a whole number."
    elif least < 1:
        yield f"keeps {least} workers: it holds up no drain."
    elif least >= workers > 0:
        yield f"keeps {least} of {workers} workers: no node could ever be drained."


def in_policies(manifests: Manifests) -> Iterator[str]:
    """Check that what has to connect can, and nothing else does."""
    policies = manifests.of_kind("NetworkPolicy")
    for group in manifests.groups:
        specs = [one["spec"] for one in policies]
        own = [one for one in specs if selects(one.get("podSelector") or {}, group.labels)]
        if not any("Ingress" in types_of(one) for one in own):
            yield f"No NetworkPolicy selects {group.what.lower()}: its ports are open to all pods."
            continue
        openings = openings_of(own, group)
        yield from needed(manifests, group, openings)
        yield from sorted({*too_many(group, openings)})


@dataclass(frozen=True)
class Opening:
    """Ports that a rule opens for a peer."""

    peer: Block
    ports: range

    def covers(self, port: int) -> bool:
        return port in self.ports

    def lets_in(self, labels: Labels) -> bool:
        """Whether a pod of the same namespace with these labels may connect."""
        own = self.peer.get("namespaceSelector") or {}
        return "ipBlock" not in self.peer and not own and self.has_pods(labels)

    def lets_in_operator(self) -> bool:
        """Whether KubeRay's operator may, in whatever namespace it is."""
        return "ipBlock" not in self.peer and self.has_pods(OPERATOR)

    def has_pods(self, labels: Labels) -> bool:
        return selects(self.peer.get("podSelector") or {}, labels)

    def is_within(self, instance: Labels) -> bool:
        """Whether none but pods with these labels, of the same namespace, may connect."""
        elsewhere = {"ipBlock", "namespaceSelector"} & self.peer.keys()
        return not elsewhere and self.names(instance)

    def names(self, labels: Labels) -> bool:
        said: Block = (self.peer.get("podSelector") or {}).get("matchLabels") or {}
        return labels.items() <= said.items()


def openings_of(policies: Sequence[Block], group: Group) -> list[Opening]:
    return [
        Opening(peer, ports)
        for one in policies
        if "Ingress" in types_of(one)
        for rule in one.get("ingress") or []
        for peer in rule.get("from") or [ANYONE]
        for ports in ports_of(rule, group)
    ]


def types_of(policy: Block) -> list[str]:
    own: Any = policy.get("policyTypes")
    return own or ["Ingress", *(["Egress"] if policy.get("egress") else [])]


def ports_of(rule: Block, group: Group) -> list[range]:
    """Return the ports of TCP that a rule opens; a name that the group lacks opens none."""
    if not rule.get("ports"):
        return [EVERY_PORT]
    found: list[range] = []
    for one in rule["ports"]:
        port = group.ports.get(one.get("port"), one.get("port"))
        if one.get("protocol", "TCP") != "TCP" or isinstance(port, str):
            continue
        found.append(range(port, one.get("endPort", port) + 1) if port else EVERY_PORT)
    return found


def needed(manifests: Manifests, group: Group, openings: Sequence[Opening]) -> Iterator[str]:
    """Check what has to be open."""
    for other in manifests.groups:
        if not any(one.covers(ANY_PORT) and one.lets_in(other.labels) for one in openings):
            yield f"{group.what} is closed to {other.what.lower()}: Ray's nodes would not meet."
    others = [one for one in openings if not one.is_within(instance_of(group))]
    metrics = group.ports.get("metrics")
    if metrics and not any(one.covers(metrics) for one in others):
        yield f"{group.what} lets no Prometheus in: nothing opens its port 'metrics'."
    if group.is_head:
        dashboard = group.ports.get("dashboard")
        if dashboard and not any(
            one.covers(dashboard) and one.lets_in_operator() for one in others
        ):
            yield "The head is closed to KubeRay's operator: the service would never start."
        return
    for name, port in serving_ports(group).items():
        if not any(one.covers(port) for one in others):
            yield f"{group.what} is closed to callers: nothing opens its port {name!r}."


def too_many(group: Group, openings: Sequence[Opening]) -> Iterator[str]:
    """Check that other pods reach what they may, and no more."""
    public = {*serving_ports(group).values(), group.ports.get("metrics")}
    dashboard = group.ports.get("dashboard") if group.is_head else None
    for one in openings:
        if one.is_within(instance_of(group)):
            continue
        if {*one.ports} - public - {dashboard}:
            yield f"{group.what} has Ray's own ports open to other pods."
        elif dashboard in one.ports and not one.names(OPERATOR):
            yield "The dashboard is open to other pods, and runs code for those with the token."


def instance_of(group: Group) -> Labels:
    return {INSTANCE: group.labels.get(INSTANCE, "")}


def in_targets(manifests: Manifests) -> Iterator[str]:
    """Check what selects no pod, though it is the service's or nearly selects one."""
    pods = [*pods_of(manifests)]
    services = [one["metadata"].get("labels") or {} for one in manifests.of_kind("Service")]
    for kind, key in SELECTORS.items():
        for one in manifests.of_kind(kind):
            name, selector = one["metadata"]["name"], one["spec"].get(key)
            there = services if kind == "ServiceMonitor" else [labels for labels, _ in pods]
            own = {"matchLabels": selector} if kind == "Service" else selector
            if not selector or any(selects(own, labels) for labels in there):
                continue
            near = any(nearly_selects(own, labels) for labels, _ in pods)
            if near or name.startswith(manifests.name):
                what = "Service" if kind == "ServiceMonitor" else "pod"
                yield f"{kind} {name!r} selects no {what}."
    for one in manifests.of_kind("Deployment", "StatefulSet", "DaemonSet"):
        labels = (one["spec"]["template"].get("metadata") or {}).get("labels") or {}
        if not selects(one["spec"].get("selector") or {}, labels):
            yield f"{one['kind']} {one['metadata']['name']!r} does not select its own pods."
    yield from in_services(manifests, pods)


def in_services(manifests: Manifests, pods: Sequence[tuple[Labels, Block]]) -> Iterator[str]:
    """Check that Services lead to ports that the pods have, where these name any."""
    for one in manifests.of_kind("Service"):
        selector = one["spec"].get("selector")
        for labels, template in pods if selector else ():
            ports = [port for each in containers_of(template) for port in each.get("ports") or []]
            there = {port.get("name") for port in ports} | {one["containerPort"] for one in ports}
            for port in one["spec"].get("ports") or []:
                wanted = port.get("targetPort", port["port"])
                if selects({"matchLabels": selector}, labels) and wanted not in there and ports:
                    yield (
                        f"Service {one['metadata']['name']!r} leads to the port {wanted!r}, which "
                        "its pods do not have."
                    )


def pods_of(manifests: Manifests) -> Iterator[tuple[Labels, Block]]:
    """Yield the labels of all pods, and their templates."""
    for group in manifests.groups:
        yield group.labels, group.template
    others = [one for one in manifests.documents if one is not manifests.service]
    for _, template in pod_templates(others):
        yield (template.get("metadata") or {}).get("labels") or {}, template


def nearly_selects(selector: Block, labels: Labels) -> bool:
    """Whether a selector would select, were it not for a misspelt value."""
    wanted: Labels = selector.get("matchLabels") or {}
    return bool(wanted) and all(
        labels.get(key) == value or is_misspelt(labels.get(key, ""), value)
        for key, value in wanted.items()
    )


def in_selectors(manifests: Manifests) -> Iterator[str]:
    """Check what Prometheus collects, and how workers are spread."""
    own = [one for one in manifests.of_kind("PodMonitor") if concerns(one, manifests)]
    for one in own:
        for group in manifests.groups:
            if not selects(one["spec"].get("selector") or {}, group.labels):
                name = one["metadata"]["name"]
                yield f"PodMonitor {name!r} does not select {group.what.lower()}."
            for end in one["spec"].get("podMetricsEndpoints") or [{}]:
                if end.get("port") not in group.ports:
                    yield f"{group.what} has no port {end.get('port')!r} for Prometheus."
    yield from in_alerts(manifests)
    for group in manifests.workers:
        for one in group.pod.get("topologySpreadConstraints", []):
            if not selects(one.get("labelSelector", {}), group.labels):
                yield f"{group.what} is not among the pods that it is spread with."


def in_alerts(manifests: Manifests) -> Iterator[str]:
    """Check that alerts on KubeRay's metrics are on this service."""
    for one in manifests.of_kind("PrometheusRule"):
        for expression in values(one, "expr"):
            for name in ALERTED.findall(str(expression)):
                if name != manifests.name:
                    yield (
                        f"PrometheusRule {one['metadata']['name']!r} asks for the RayService "
                        f"{name!r}, and this one is {manifests.name!r}."
                    )

"""Whether network policies that limit what goes out leave what the service needs."""

from collections.abc import Iterator

from .addresses import Address, addresses_of, leads_to
from .kustomize import Block
from .pods import Group, containers_of
from .rules import Manifests
from .selection import (
    ANY_PORT,
    ANYONE,
    Labels,
    Opening,
    instance_of,
    pods_of,
    selects,
    types_of,
)

OF_NAMES = (53, 5353)
"""Where names are asked; the second is OpenShift's."""


def in_egress(manifests: Manifests) -> Iterator[str]:
    policies = [one["spec"] for one in manifests.of_kind("NetworkPolicy")]
    for group in manifests.groups:
        own = [one for one in policies if selects(one.get("podSelector") or {}, group.labels)]
        limiting = [one for one in own if "Egress" in types_of(one)]
        rules = [rule for one in limiting for rule in one.get("egress") or []]
        if limiting and not rules:
            yield f"{group.what} can reach nothing: `Egress` is in policyTypes, without a rule."
        elif limiting:
            yield from needed(manifests, group, rules)


def needed(manifests: Manifests, group: Group, rules: list[Block]) -> Iterator[str]:
    outside = [rule for rule in rules if not is_within(rule, group)]
    if not any(lets_out(rule, port, "UDP") for rule in outside for port in OF_NAMES):
        yield f"{group.what} can resolve no name: `egress` needs port 53 by UDP."
    for other in manifests.groups:
        if not any(lets_out(rule, ANY_PORT) and has(rule, other.labels) for rule in rules):
            yield f"{group.what} does not reach {other.what.lower()}: Ray's nodes would not meet."
    for one in addresses_of(manifests):
        own = any(
            lets_out(rule, port) and has(rule, labels)
            for labels, port in pods_behind(one, manifests)
            for rule in rules
        )
        if not own and not any(lets_out(rule, one.port) for rule in outside):
            yield (
                f"{group.what} does not reach port {one.port}, where {one.setting} is: `egress` "
                "needs it."
            )


def has(rule: Block, labels: Labels) -> bool:
    """Whether a rule has a peer that a pod of the same namespace with these labels is."""
    return any(Opening(peer, range(0)).lets_in(labels) for peer in rule.get("to") or [ANYONE])


def pods_behind(address: Address, manifests: Manifests) -> Iterator[tuple[Labels, int]]:
    """Yield the labels of pods of these manifests that an address leads to, with their port."""
    for service in manifests.of_kind("Service"):
        selector: Labels = service["spec"].get("selector") or {}
        if not selector or not leads_to(address, service, manifests):
            continue
        ports: list[Block] = service["spec"].get("ports") or []
        moved = {one["port"]: one.get("targetPort", one["port"]) for one in ports}
        port = moved.get(address.port, address.port)
        for labels, template in pods_of(manifests):
            if selector.items() <= labels.items():
                named = [each for one in containers_of(template) for each in one.get("ports") or []]
                numbers = {one.get("name"): one["containerPort"] for one in named}
                if isinstance(number := numbers.get(port, port), int):
                    yield labels, number


def is_within(rule: Block, group: Group) -> bool:
    """Whether a rule lets out to the service's own pods alone."""
    peers = rule.get("to") or [ANYONE]
    return all(Opening(peer, range(0)).is_within(instance_of(group)) for peer in peers)


def lets_out(rule: Block, port: int, protocol: str = "TCP") -> bool:
    """Whether a rule lets out to a port; a name of one is that of other pods."""
    return not rule.get("ports") or any(
        one.get("protocol", "TCP") == protocol
        and (
            not isinstance(least := one.get("port", port), int)
            or ("port" not in one)
            or least <= port <= one.get("endPort", least)
        )
        for one in rule["ports"]
    )

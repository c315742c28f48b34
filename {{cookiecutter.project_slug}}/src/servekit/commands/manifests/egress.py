"""Whether network policies that limit what goes out leave what the service needs."""

from collections.abc import Iterator

from .addresses import addresses_of
from .kustomize import Block
from .pods import Group
from .rules import Manifests
from .selection import ANY_PORT, ANYONE, Opening, instance_of, selects, types_of

OF_NAMES = (53, 5353)
"""Where names are asked; the second is OpenShift's."""


def in_egress(manifests: Manifests) -> Iterator[str]:
    policies = [one["spec"] for one in manifests.of_kind("NetworkPolicy")]
    for group in manifests.groups:
        own = [one for one in policies if selects(one["podSelector"], group.labels)]
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
        if not any(
            lets_out(rule, ANY_PORT) and Opening(peer, range(0)).lets_in(other.labels)
            for rule in rules
            for peer in rule.get("to") or [ANYONE]
        ):
            yield f"{group.what} does not reach {other.what.lower()}: Ray's nodes would not meet."
    for one in addresses_of(manifests):
        if not any(lets_out(rule, one.port) for rule in outside):
            yield (
                f"{group.what} does not reach port {one.port}, where {one.setting} is: `egress` "
                "needs it."
            )


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

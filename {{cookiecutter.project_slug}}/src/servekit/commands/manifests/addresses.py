"""Where the settings of the service and of its head lead to."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from .kustomize import Block
from .rules import Manifests
from .spelling import is_misspelt

PORTS = {"http": 80, "https": 443, "postgresql": 5432, "redis": 6379, "rediss": 6379}
"""Of addresses that name none."""


@dataclass(frozen=True)
class Address:
    """A host that a setting names.

    Attributes:
        setting: Its name.
        host: Without the port.
        port: Said, or that of the scheme.
    """

    setting: str
    host: str
    port: int


def addresses_of(manifests: Manifests) -> Iterator[Address]:
    """Yield the addresses that are not in a Secret; of several hosts in one setting, none."""
    redis: Block = manifests.cluster.get("gcsFaultToleranceOptions") or {}
    said = {name: one for name, one in manifests.settings.items() if name.endswith("_URL")}
    address = str(redis.get("redisAddress") or "")
    said["redisAddress"] = address if "://" in address else f"redis://{address}"
    for name, text in said.items():
        with suppress(ValueError):
            url = urlsplit(text)
            port = url.port or PORTS.get(url.scheme)
            if url.hostname and port:
                yield Address(name, url.hostname, port)


def in_addresses(manifests: Manifests) -> Iterator[str]:
    """Check those that lead to a Service of these manifests, or nearly do."""
    for one in addresses_of(manifests):
        for service in manifests.of_kind("Service"):
            name = service["metadata"]["name"]
            ports = [port["port"] for port in service["spec"].get("ports") or []]
            if is_misspelt(one.host, name):
                yield f"{one.setting} leads to {one.host!r}: is the Service {name!r} meant?"
            # One without a pod, or that names pods alone, may have none.
            if ports and one.port not in ports and leads_to(one, service, manifests):
                yield f"{one.setting} leads to port {one.port} of {name!r}, which has {ports}."


def leads_to(address: Address, service: Block, manifests: Manifests) -> bool:
    """Whether an address is that of a Service of these manifests."""
    name = address.host.partition(".")[0]
    return name == service["metadata"]["name"] and is_within(address.host, manifests)


def is_within(host: str, manifests: Manifests) -> bool:
    """Whether a host would be a Service of the same namespace."""
    return host.split(".")[1:2] in ([], [manifests.namespace])

"""The address of the client, through a known number of proxies."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from starlette.types import Scope

UNKNOWN = "unknown"

MAX_CHARS = 100
"""More than any address has; what is longer is remembered only so far."""

IPV6_SITE = 64
"""Bits of an IPv6 address that identify a site, which has all addresses below them."""


def address_of(scope: Scope, trusted_hops: int) -> str:
    """Return the address that the outermost trusted proxy has seen, else that of the peer.

    Where the header has fewer addresses than there are trusted proxies, the request came around
    some of them, and only the peer is known for sure.
    """
    if trusted_hops:
        values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        hops = b",".join(values).split(b",")
        if values and len(hops) >= trusted_hops:
            return _valid(hops[-trusted_hops].strip()[:MAX_CHARS].decode("latin-1"))
    client = scope.get("client")
    return _valid(client[0]) if client else UNKNOWN


@lru_cache(maxsize=4096)
def site_of(address: str) -> str:
    """Return one name for all addresses of a site, for what counts callers."""
    if ":" not in address:
        return address
    return f"{IPv6Address(int(ip_address(address)) >> IPV6_SITE << IPV6_SITE)}/{IPV6_SITE}"


@lru_cache(maxsize=4096)
def _valid(address: str) -> str:
    """Return an address as it is usually written; an invalid one is unknown."""
    try:
        found = ip_address(_without_port(address))
    except ValueError:
        return UNKNOWN
    if isinstance(found, IPv6Address):
        # A zone is of the machine that wrote it.
        return str(found.ipv4_mapped or IPv6Address(int(found)))
    return str(found)


def _without_port(address: str) -> str:
    """Strip the port that some proxies add: 192.0.2.1:4711 or [2001:db8::1]:4711."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address

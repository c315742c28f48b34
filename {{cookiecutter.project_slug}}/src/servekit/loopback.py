"""Tells addresses of this machine from those of others."""

from contextlib import suppress
from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether what listens on a host is reached from this machine alone."""
    with suppress(ValueError):
        return host == "localhost" or ip_address(host).is_loopback
    return False

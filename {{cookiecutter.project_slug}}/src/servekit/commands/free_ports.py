"""Finds free ports, and refuses taken ones before anything starts."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def try_to_listen(host: str, port: int) -> None:
    """Listen for a moment. Raises OSError when that is impossible."""
    [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)


def is_free(port: int) -> bool:
    try:
        try_to_listen("0.0.0.0", port)  # noqa: S104  (HAProxy listens on all of them)
    except OSError:
        return False
    return True


def refuse_taken_port(host: str, port: int) -> None:
    """Raise SystemExit, naming the port, when something listens on it already."""
    try:
        try_to_listen(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SystemExit(
                f"Port {port} is in use: stop what listens there, or choose another port."
            ) from None
        raise SystemExit(f"Cannot listen on {host}:{port}: {error.strerror}.") from None


def free_port_near(port: int) -> int:
    """`port`, or the next one above it that is free on all interfaces."""
    return next(one for one in range(port, port + 1000) if is_free(one))


@contextmanager
def claimed_ports(first: int, count: int) -> Iterator[range]:
    """Claim free consecutive ports, so that no other caller gets them meanwhile.

    count: how many, with the one below them, which is listened on as a claim. They begin at
        `first`, or a multiple of `count` above it.
    """
    for start in range(first, first + 100 * count, count):
        ports = range(start + 1, start + count)
        with suppress(OSError), socket.create_server(("127.0.0.1", start)) as sign:
            if all(map(is_free, ports)):
                claim = sign.dup()
                break
    else:
        raise SystemExit(f"Fewer than {count} consecutive ports are free from {first} on.")
    with claim:
        yield ports

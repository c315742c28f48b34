"""Clients that send the beginning of a body, and go on for ever."""

import select
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

MAX_BODY_BYTES = 4 * 1024 * 1024
"""The default of `API_MAX_BODY_BYTES`."""


@contextmanager
def slow_senders(
    url: str,
    many: int,
    *,
    headers: Mapping[str, str] | None = None,
    size: int = 1000,
    sent: int = 1,
) -> Iterator[list[socket.socket]]:
    """Connections without credentials, each with a request that is not whole.

    Args:
        url: Of the service.
        many: How many connections.
        headers: Besides those that a body needs.
        size: Of each body, in bytes.
        sent: How much of it is sent at first, where the service takes so much.
    """
    address = urlsplit(url)
    named = {"Content-Type": "application/json", "Content-Length": str(size), **(headers or {})}
    lines = [f"{name}: {value}" for name, value in named.items()]
    begin = [f"POST {address.path}/v1/detect HTTP/1.1", f"Host: {address.netloc}", *lines]
    with ExitStack() as opened:
        senders: list[socket.socket] = []
        for _ in range(many):
            sender = socket.create_connection((str(address.hostname), address.port or 80))
            senders.append(opened.enter_context(sender))
            sender.sendall("\r\n".join([*begin, "", ""]).encode())
            with suppress(OSError):  # of one that is refused meanwhile
                sender.sendall(b"{" * sent)
        yield senders


def first_status(senders: Sequence[socket.socket], within_s: float = 10) -> int:
    """The status of the first answer that one of them gets."""
    readable, _, _ = select.select(senders, [], [], within_s)
    assert readable, "None was answered."
    return int(readable[0].recv(1000).split()[1])

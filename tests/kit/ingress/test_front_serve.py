"""Whatever a client sends or does not send, others are answered by the real proxy."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import httpx2
import pytest

from servekit.testing.authenticated_client import HEADERS

pytestmark = pytest.mark.serve

MANY = 1_010
"""More than an ingress replica has places for."""

TEXT = {"text": "Guten Morgen!"}


@contextmanager
def slow_senders(url: str, many: int) -> Iterator[list[socket.socket]]:
    """Clients without credentials that have sent the beginning of a body, and go on for ever."""
    address = urlsplit(url)
    begin = (
        f"POST /v1/detect HTTP/1.1\r\nHost: {address.netloc}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    )
    with ExitStack() as opened:
        senders: list[socket.socket] = []
        for _ in range(many):
            sender = socket.create_connection((str(address.hostname), address.port or 80))
            senders.append(opened.enter_context(sender))
            sender.sendall(begin.encode())
        yield senders


def test_slow_senders_keep_no_other_client_out(service: str) -> None:
    with slow_senders(service, MANY) as senders:
        for sender in senders:
            sender.sendall(b" ")
        for _ in range(3):
            began = time.monotonic()
            assert httpx2.get(f"{service}/health/live", timeout=10).status_code == 200
            assert time.monotonic() - began < 1
            answer = httpx2.post(f"{service}/v1/detect", json=TEXT, headers=HEADERS, timeout=10)
            assert answer.status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        (b"X-Request-ID", b"\xff"),
        (b"X-Request-ID", b""),
        (b"X-Request-Timeout-Seconds", b"0.000001"),
        (b"X-Request-Timeout-Seconds", b"\xff"),
        (b"X-Request-Disconnect-Disabled", b"\xff"),
        (b"X-Session-ID", b"\xff"),
        (b"Serve-Multiplexed-Model-ID", b"\xff"),
        (b"Traceparent", b"\xff"),
    ],
)
def test_headers_for_serve_change_nothing(service: str, header: tuple[bytes, bytes]) -> None:
    sent = [header, *((name.encode(), value.encode()) for name, value in HEADERS.items())]
    response = httpx2.post(f"{service}/v1/detect", json=TEXT, headers=sent, timeout=10)
    assert response.status_code == 200
    assert len(response.headers["x-request-id"]) > 20

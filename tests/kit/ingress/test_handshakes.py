"""A handshake that cannot be read is answered, and its connection is closed."""

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from servekit.ingress.handshakes import refuse_unreadable_handshakes

from tests.in_process import listening

KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
BODY = "Content-Length: 2\r\n"
LONG = "x" * 10_000


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    refuse_unreadable_handshakes()

    async def accepts(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()

    with listening(accepts) as url:
        yield url


@pytest.mark.parametrize(
    ("line", "headers", "status"),
    [
        ("GET /", KEY, "101"),
        ("GET /", "", "400"),
        ("POST /", KEY, "405"),
        ("HEAD /", KEY, "405"),
        ("GET /", KEY + BODY, "400"),
        ("POST /", BODY, "400"),
        (f"GET /{LONG}", KEY, "414"),
        ("GET /", f"{KEY}Cookie: {LONG}\r\n", "431"),
    ],
)
def test_a_handshake_is_answered(url: str, line: str, headers: str, status: str) -> None:
    address = urlsplit(url)
    offer = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
    with socket.create_connection((str(address.hostname), address.port or 80), 10) as client:
        client.sendall(f"{line} HTTP/1.1\r\nHost: x\r\n{offer}{headers}\r\n".encode())
        said = client.recv(10_000)
        assert said.split()[1].decode() == status
        while status != "101" and client.recv(10_000):
            pass

"""Who reads nothing is hung up on, and who reads slowly is not."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from servekit.ingress.front import in_front
from servekit.ingress.write_deadline import WriteDeadline

from tests.browser import wait_for
from tests.in_process import listening

TIMEOUT_S = 1.0
PIECE = b"x" * 65_536
BEGINNINGS = {
    "http": {"type": "http.response.start", "status": 200, "headers": []},
    "websocket": {"type": "websocket.accept"},
}
PIECES = {
    "http": {"type": "http.response.body", "body": PIECE, "more_body": True},
    "websocket": {"type": "websocket.send", "bytes": PIECE},
}
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


class Endless:
    """Sends without an end, until its client leaves."""

    def __init__(self) -> None:
        self.left = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        sending = asyncio.create_task(self._send(scope["type"], send))
        while not (await receive())["type"].endswith("disconnect"):
            pass
        self.left = True
        sending.cancel()
        await asyncio.wait([sending])

    async def _send(self, kind: str, send: Any) -> None:
        await send(BEGINNINGS[kind])
        while True:
            await send(PIECES[kind])


@contextmanager
def client(url: str, headers: str) -> Iterator[socket.socket]:
    """A client that has asked, and has read nothing."""
    address = urlsplit(url)
    with socket.socket() as one:
        one.connect((address.hostname, address.port))
        one.sendall(f"GET / HTTP/1.1\r\nHost: {address.netloc}\r\n{headers}\r\n".encode())
        yield one


@pytest.mark.parametrize("headers", ["", UPGRADE], ids=["stream", "socket"])
def test_a_client_that_reads_nothing_is_hung_up_on(headers: str) -> None:
    endless = Endless()
    with listening(WriteDeadline(endless, 0.2)) as url, client(url, headers):
        wait_for(lambda: endless.left, "the end of the stream")


class Large:
    """Sends large answers whole, and notes how many it is at, or which one its client left."""

    def __init__(self) -> None:
        self.begun = self.ended = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        self.begun += 1
        try:
            await send(BEGINNINGS["http"])
            await send(PIECES["http"] | {"body": PIECE * 200, "more_body": False})
        finally:
            self.ended += 1


def test_a_client_that_asks_twice_at_once_is_hung_up_on_too() -> None:
    large = Large()
    with listening(WriteDeadline(large, 0.2)) as url, client(url, "") as one:
        address = urlsplit(url)
        one.sendall(f"GET / HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
        wait_for(lambda: large.begun == 2, "the second request")
        wait_for(lambda: large.ended == 2, "its end")


@pytest.mark.parametrize("headers", ["", UPGRADE], ids=["stream", "socket"])
def test_a_client_that_reads_slowly_is_not(headers: str) -> None:
    endless = Endless()
    with listening(WriteDeadline(endless, TIMEOUT_S)) as url, client(url, headers) as one:
        until = time.monotonic() + 2 * TIMEOUT_S
        while time.monotonic() < until:
            assert one.recv(4 * len(PIECE))
            time.sleep(0.01)
        assert not endless.left


def test_the_time_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_WRITE_TIMEOUT_S", "7")
    [outermost, *_] = in_front()
    assert (outermost.cls, outermost.kwargs) == (WriteDeadline, {"timeout_s": 7})

"""Streams of a fast route: what is ready goes together, and a client that leaves ends them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.types import Message

from servekit.api import create_app, fast_route
from servekit.api.models import model_router
from servekit.api.settings import ApiSettings
from servekit.contracts import CHAMPION, Contract, Ports, Prediction
from servekit.testing.fakes import FakeMeter, FakePredictor

from tests.both_ways import JSON, SERVICE, is_fast

COUNTED = Contract("counted", int, int, streams=True)
PATH = "/v1/counted/stream"
ONE_STREAM = ApiSettings(max_streams_per_caller=1)


class Counting(FakePredictor):
    """Counts to a number, and waits after half of them until it may go on."""

    closing_turns = 0
    """Turns of the event loop that it takes to close, as with a client of another service."""

    def __init__(self) -> None:
        super().__init__(COUNTED, int)
        self.go_on, self.closed = asyncio.Event(), asyncio.Event()

    async def stream(self, item: Any, version: str = CHAMPION) -> AsyncIterator[Prediction[Any]]:
        try:
            for number in range(item):
                if number == item // 2:
                    await self.go_on.wait()
                yield Prediction(number, "counted:1")
        finally:
            for _ in range(self.closing_turns):
                await asyncio.sleep(0)
            self.closed.set()


class Client:
    """Sends a request, and takes the messages of its answer until it leaves."""

    def __init__(self, model: Counting, app: FastAPI | None = None) -> None:
        ports = Ports({"counted": model}, FakeMeter(), {"counted": COUNTED})
        routers = [model_router(COUNTED, "/v1/counted")]
        self.app = app or create_app(SERVICE, ports, routers, settings=ONE_STREAM)
        self.status = 0
        self.content: list[bytes] = []
        self.left = asyncio.Event()
        self._came = asyncio.Event()
        self._request: list[Message] = [{"type": "http.request", "body": b"6"}]
        self.answered = asyncio.create_task(self.app(self._scope, self._receive, self._send))

    @property
    def _scope(self) -> dict[str, Any]:
        headers = [(b"content-type", JSON)]
        names = {"path": PATH, "raw_path": PATH.encode(), "query_string": b"", "root_path": ""}
        address = {"client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)}
        kind = {"type": "http", "http_version": "1.1", "method": "POST", "scheme": "http"}
        return {**kind, **names, **address, "headers": headers}

    async def _receive(self) -> Message:
        if self._request:
            return self._request.pop()
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self.status = message.get("status", self.status)
        if content := message.get("body"):
            self.content.append(content)
            self._came.set()

    async def until(self, found: Callable[[list[bytes]], bool]) -> None:
        async with asyncio.timeout(20):
            while not found(self.content):
                self._came.clear()
                await self._came.wait()


async def test_what_is_ready_is_one_message() -> None:
    model = Counting()
    client = Client(model)
    await client.until(lambda content: len(content) == 1)
    assert client.content[0].count(b"event: prediction") == 3
    model.go_on.set()
    await asyncio.wait_for(client.answered, 20)
    assert client.content[1].count(b"event: prediction") == 3
    assert client.content[1].endswith(b"event: done\ndata: {}\n\n")
    assert is_fast(client.app, PATH)


async def test_a_silent_stream_is_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_route, "KEEP_ALIVE_S", 0.001)
    model = Counting()
    client = Client(model)
    await client.until(lambda content: content.count(b": ping\n\n") >= 2)
    model.go_on.set()
    await asyncio.wait_for(client.answered, 20)
    assert b"".join(client.content).count(b"event: prediction") == 6


@pytest.mark.parametrize("turns", [0, 5])
async def test_a_client_that_leaves_stops_the_model(turns: int) -> None:
    model = Counting()
    model.closing_turns = turns
    client = Client(model)
    await client.until(lambda content: len(content) == 1)
    assert not model.closed.is_set()
    client.left.set()
    await asyncio.wait_for(client.answered, 20)
    assert model.closed.is_set()


async def test_a_stream_is_one_of_its_callers_until_it_ends() -> None:
    model = Counting()
    first = Client(model)
    await first.until(lambda content: len(content) == 1)
    for status in (429, 200):
        again = Client(model, first.app)
        await asyncio.wait_for(again.answered, 20)
        assert again.status == status
        model.go_on.set()
        await asyncio.wait_for(first.answered, 20)

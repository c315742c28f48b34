"""How a conversation over a WebSocket ends, seen from the server's side of the socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from servekit.contracts import CHAMPION, Prediction
from servekit.features.websockets import websockets
from servekit.features.websockets.settings import WebsocketsSettings

from .websockets_guesser import (
    SOCKET,
    FailingGuesser,
    Guess,
    Guesser,
    StallingGuesser,
    Text,
    guessing,
)

SCOPE: dict[str, Any] = {
    "type": "websocket",
    "path": SOCKET,
    "query_string": b"",
    "headers": [],
    "subprotocols": [],
}


class SlowGuesser(Guesser):
    async def predict(self, item: Text, version: str = CHAMPION) -> Prediction[Guess]:
        await asyncio.sleep(0.04)
        return await super().predict(item, version)


class WatchedGuesser(Guesser):
    """Notes whether it was told to stop guessing."""

    def __init__(self) -> None:
        super().__init__()
        self.guessed = asyncio.Event()
        self.stopped = False

    async def stream(self, item: Text, version: str = CHAMPION) -> AsyncIterator[Prediction[Guess]]:
        try:
            self.guessed.set()
            yield await self.predict(item, version)
        finally:
            self.stopped = True


class Line:
    """A socket on which a client has already said `texts`.

    outgoing: how many messages to the client fit on it; 0 for any number.
    """

    def __init__(
        self,
        *texts: str,
        model: Guesser | None = None,
        settings: WebsocketsSettings | None = None,
        outgoing: int = 0,
    ) -> None:
        self.to_app: asyncio.Queue[Any] = asyncio.Queue()
        self.to_client: asyncio.Queue[Any] = asyncio.Queue(outgoing)
        self.to_app.put_nowait({"type": "websocket.connect"})
        for text in texts:
            self.say(text=json.dumps({"text": text}))
        app = guessing(model, websockets(settings))
        talk = app(SCOPE, self.to_app.get, self.to_client.put)
        self.conversation = asyncio.ensure_future(talk)

    def say(self, **content: str | bytes) -> None:
        self.to_app.put_nowait({"type": "websocket.receive", **content})

    async def heard(self) -> Any:
        """The next message to the client, or the close code."""
        async with asyncio.timeout(5):
            message = await self.to_client.get()
            if message["type"] == "websocket.accept":
                return await self.heard()
        if message["type"] == "websocket.close":
            return message["code"]
        return json.loads(message["text"])

    async def hears(self, *types: str) -> bool:
        return [(await self.heard())["type"] for _ in types] == list(types)


async def test_an_idle_socket_is_closed() -> None:
    line = Line(settings=WebsocketsSettings(idle_timeout_s=0.02))
    assert await line.heard() == 1001
    await line.conversation


async def test_a_model_at_work_is_not_idle() -> None:
    settings = WebsocketsSettings(idle_timeout_s=0.02)
    line = Line("the house", model=SlowGuesser(), settings=settings)
    assert await line.hears("prediction", "prediction", "done")
    assert await line.heard() == 1001


@pytest.mark.parametrize(
    "message",
    [
        pytest.param({"text": "x" * 101}, id="text"),
        pytest.param({"text": "é" * 51}, id="bytes are counted, not characters"),
        pytest.param({"bytes": b"x" * 101}, id="binary"),
    ],
)
async def test_too_large_a_message_closes_the_socket(message: dict[str, str | bytes]) -> None:
    settings = WebsocketsSettings(max_message_bytes=100, idle_timeout_s=1)
    line = Line("house", settings=settings)
    line.say(**message)
    assert await line.hears("prediction", "done")
    error = await line.heard()
    assert (error["type"], error["status"]) == ("error", 413)
    assert await line.heard() == 1009
    await line.conversation


async def test_an_unforeseen_failure_closes_the_socket_and_tells_nothing() -> None:
    line = Line("house", model=FailingGuesser(RuntimeError("secret")))
    error = await line.heard()
    assert (error["type"], error["status"]) == ("error", 500)
    assert "secret" not in json.dumps(error)
    assert await line.heard() == 1011
    await line.conversation


async def test_a_client_that_leaves_stops_the_model() -> None:
    model = StallingGuesser()
    line = Line("the house", *["waiting behind it"] * 5, model=model)
    assert await line.hears("prediction")
    line.to_app.put_nowait({"type": "websocket.disconnect", "code": 1005})
    await asyncio.wait_for(line.conversation, 5)
    assert model.abandoned == ["the house"]


async def test_a_server_that_cancels_stops_the_model() -> None:
    """Ray Serve does so when a client leaves, and need not say that the client left."""
    model = StallingGuesser()
    line = Line("the house", model=model)
    assert await line.hears("prediction")
    line.conversation.cancel()
    with pytest.raises(asyncio.CancelledError):
        await line.conversation
    assert model.abandoned == ["the house"]


async def test_a_model_whose_guess_cannot_be_sent_is_stopped() -> None:
    model = WatchedGuesser()
    line = Line("the house", model=model, outgoing=1)
    await model.guessed.wait()
    line.conversation.cancel()
    with pytest.raises(asyncio.CancelledError):
        await line.conversation
    assert model.stopped

"""One socket, from its first message to its close code."""

import asyncio
import json
import logging
from typing import Any, NamedTuple

from starlette.websockets import WebSocket, WebSocketDisconnect

from servekit.api.audit_trail import note_refused_message
from servekit.api.errors import ProblemError, model_problem, problem
from servekit.api.quota import quota_of
from servekit.api.streams import started
from servekit.contracts import ModelError

from .messages import Exchange, Received, Refusal, understood
from .settings import WebsocketsSettings

log = logging.getLogger(__name__)

READ_AHEAD = 8
"""Messages that may wait for their answer. Beyond it, the client's next ones are not read."""


class Close(NamedTuple):
    """A close code of RFC 6455, and its reason."""

    code: int
    reason: str


IDLE = Close(1001, "idle")
TOO_LARGE = Close(1009, "message too large")
FAILED = Close(1011, "unexpected error")


class Session:
    """Answers messages in order, one at a time."""

    def __init__(self, socket: WebSocket, exchange: Exchange, settings: WebsocketsSettings) -> None:
        self._socket = socket
        self._exchange = exchange
        self._settings = settings
        self._spend = quota_of(socket)
        self._inbox: asyncio.Queue[Received | Refusal] = asyncio.Queue(READ_AHEAD)

    async def hold(self) -> None:
        """Accept the socket and talk until one side closes it."""
        await self._socket.accept()
        try:
            async with asyncio.TaskGroup() as tasks:
                listening = tasks.create_task(self._listen())
                await self._socket.close(*await self._answer_all())
                listening.cancel()
        except* WebSocketDisconnect:
            log.debug("the client left")

    async def _listen(self) -> None:
        """Read ahead of the answers, so that a client that leaves stops the model at once.

        Raises WebSocketDisconnect then, which cancels the answer under way.
        """
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message["code"])
            most = self._settings.max_message_bytes
            await self._inbox.put(understood(message, most, self._exchange.read))

    async def _answer_all(self) -> Close:
        """Return when there is a reason to close."""
        while True:
            try:
                async with asyncio.timeout(self._settings.idle_timeout_s):
                    message = await self._inbox.get()
            except TimeoutError:
                return IDLE
            if isinstance(message, Refusal):
                await self._complain(message.problem)
                if message.too_large:
                    return TOO_LARGE
            elif not await self._answer(message.item):
                return FAILED

    async def _answer(self, item: Any) -> bool:
        """Whether the session can go on."""
        try:
            await self._spend()
            await self._predict(item)
        except ProblemError as error:
            note_refused_message(self._socket, error.status)
            await self._complain(problem(error.status, error.detail))
        except ModelError as error:
            content = model_problem(error)
            note_refused_message(self._socket, content["status"])
            await self._complain(content)
        except WebSocketDisconnect:
            raise
        except Exception:
            log.exception("unexpected error")
            await self._complain(problem(500))
            return False
        return True

    async def _predict(self, item: Any) -> None:
        last = None
        async with started(self._exchange.ask(item)) as (_, predictions):
            async for last in predictions:
                if self._exchange.pieces:
                    await self._send(self._exchange.write(last, False))
        await self._send(self._exchange.write(last, True))

    async def _complain(self, content: dict[str, Any]) -> None:
        # The type of a problem is always about:blank, so its place is free.
        await self._send(json.dumps(content | {"type": "error"}))

    async def _send(self, text: str) -> None:
        try:
            await self._socket.send_text(text)
        except RuntimeError as error:
            # The server has closed the socket already, over a client that stopped reading.
            raise WebSocketDisconnect(1006) from error

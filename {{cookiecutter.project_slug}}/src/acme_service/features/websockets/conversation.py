"""One socket, from its first message to its close code."""

import asyncio
import json
import logging
from typing import Any, NamedTuple

from starlette.websockets import WebSocket, WebSocketDisconnect

from servekit.api.errors import ProblemError, model_problem, problem
from servekit.api.quota import quota_of
from servekit.api.streams import started
from servekit.contracts import ModelError, Predictor

from acme_service.api.hints import Hints
from acme_service.api.v1.schemas import TextIn
from acme_service.contracts.language import Detection, Query

from .messages import AnswerOut, Refusal, understood
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


class Conversation:
    """Answers messages in order, one at a time.

    top: how many candidates an answer carries.
    """

    def __init__(
        self,
        socket: WebSocket,
        detector: Predictor[Query, Detection],
        hints: Hints,
        settings: WebsocketsSettings,
        top: int,
    ) -> None:
        self._socket = socket
        self._detector = detector
        self._hints = hints
        self._settings = settings
        self._top = top
        self._spend = quota_of(socket)
        self._inbox: asyncio.Queue[TextIn | Refusal] = asyncio.Queue(READ_AHEAD)

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
            await self._inbox.put(understood(message, self._settings.max_message_bytes))

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
            elif not await self._answer(message):
                return FAILED

    async def _answer(self, message: TextIn) -> bool:
        """Whether the conversation can go on."""
        try:
            await self._spend()
            await self._guess(message)
        except ProblemError as error:
            await self._complain(problem(error.status, error.detail))
        except ModelError as error:
            await self._complain(model_problem(error))
        except WebSocketDisconnect:
            raise
        except Exception:
            log.exception("unexpected error")
            await self._complain(problem(500))
            return False
        return True

    async def _guess(self, message: TextIn) -> None:
        answer = AnswerOut.of(Detection())
        query, version = self._hints.query(message.text), self._hints.version(message.text)
        async with started(self._detector.stream(query, version)) as (_, guesses):
            async for prediction in guesses:
                answer = AnswerOut.to(prediction, self._top)
                await self._send(answer.model_dump_json())
        answer.type = "done"
        await self._send(answer.model_dump_json())

    async def _complain(self, content: dict[str, Any]) -> None:
        # The type of a problem is always about:blank, so its place is free.
        await self._send(json.dumps(content | {"type": "error"}))

    async def _send(self, text: str) -> None:
        try:
            await self._socket.send_text(text)
        except RuntimeError as error:
            # The server has closed the socket already, over a client that stopped reading.
            raise WebSocketDisconnect(1006) from error

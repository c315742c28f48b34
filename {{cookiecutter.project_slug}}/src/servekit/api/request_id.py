"""Gives every request an id: in log lines, errors and the response header."""

import re
from functools import partial
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from servekit.contracts.request_id import request_id as current
from servekit.contracts.shares import caller_of_request

from .principal import caller_of

HEADER = b"x-request-id"
VALID = re.compile(rb"[\x21-\x7e]([\x20-\x7e]{0,198}[\x21-\x7e])?")
"""An id that a client may choose: it goes into log lines and into the response's headers."""


def claimed_id(scope: Scope) -> str | None:
    """Return the id that a request came with, if it is a valid one."""
    for name, value in scope["headers"]:
        if name == HEADER and VALID.fullmatch(value):
            return value.decode("latin-1")
    return None


class RequestId:
    """Takes the id from the request's header, or makes one; what runs below knows id and caller.

    The answer's header is left to the server: Ray Serve sets it by itself, and a second one
    would contradict it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            request_id = claimed_id(scope) or str(uuid4())
            scope.setdefault("state", {})["request_id"] = request_id
            current.set(request_id)
            caller_of_request.set(partial(caller_of, scope))
        await self.app(scope, receive, send)


class AnswersRequestId:
    """Sets the id of a request and its response header, as Ray Serve's proxy does."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return

        request_id = claimed_id(scope) or str(uuid4())
        scope["headers"] = [
            *(header for header in scope["headers"] if header[0] != HEADER),
            (HEADER, request_id.encode("latin-1")),
        ]

        async def answer(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.accept"}:
                headers = [*message.get("headers", []), (HEADER, request_id.encode("latin-1"))]
                message = {**message, "headers": headers}
            await send(message)

        await self.app(scope, receive, answer)

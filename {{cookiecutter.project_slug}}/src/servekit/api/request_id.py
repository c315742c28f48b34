"""Gives every request an id: in log lines, errors and the response header."""

from contextvars import ContextVar
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = b"x-request-id"
_current: ContextVar[str] = ContextVar("request_id", default="")


def current_request_id() -> str:
    """The id of the request being answered, or "" outside one."""
    return _current.get()


def _header(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == HEADER:
            return value.decode("latin-1")
    return None


class RequestId:
    """Takes the id from the request's header, or makes one.

    The answer's header is left to the server: Ray Serve sets it by itself, and a second one
    would contradict it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            request_id = _header(scope) or str(uuid4())
            scope.setdefault("state", {})["request_id"] = request_id
            _current.set(request_id)
        await self.app(scope, receive, send)


class AnswersRequestId:
    """Sets the id of a request and its response header, as Ray Serve's proxy does."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return

        request_id = _header(scope) or str(uuid4())
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

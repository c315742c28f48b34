"""Follows each HTTP request and its response, and each WebSocket, for all features in one pass."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CLIENT_LEFT = 499
"""The status that proxies log when the client hung up before it had the whole response."""

KEY = "servekit.exchange"
"""Where in the scope the exchange is."""

SOCKET_BEGINS = {
    "websocket.accept": 101,
    "websocket.close": 403,
    "websocket.http.response.start": 403,
}
"""How a WebSocket is answered, with the status where the message has none."""

Header = tuple[bytes, bytes]


class Exchange:
    """One HTTP request and its response, or one WebSocket.

    Attributes:
        scope: Of the request.
        app: The API.
        root_path: Of the scope as it came: an application that is mounted changes it.
        status: Of the response; 500 when there was none because of an error. 101 of a WebSocket
            that was accepted.
        started: Whether the response has begun.
        left: Whether the client hung up before it had the whole response.
    """

    __slots__ = (
        "_began",
        "_last_byte_at",
        "app",
        "left",
        "root_path",
        "scope",
        "started",
        "status",
    )

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.app: Any = scope["app"]
        self.root_path: str = scope.get("root_path", "")
        self.status = CLIENT_LEFT
        self.started = self.left = False
        self._began = perf_counter()
        self._last_byte_at = 0.0

    @property
    def seconds(self) -> float:
        """How long it took until the response was handed over whole; background tasks run later."""
        return (self._last_byte_at or perf_counter()) - self._began

    @property
    def complete(self) -> bool:
        """Whether the response was handed over whole; what runs now is a background task."""
        return self._last_byte_at > 0

    def leaves(self) -> None:
        self.left = not self.complete

    def sent_all(self) -> None:
        self._last_byte_at = perf_counter()


@dataclass(frozen=True, kw_only=True)
class ExchangeHooks:
    """What a feature does at the ends of each HTTP request.

    begin: called when a request comes, before anything of it is read.
    headers: called when its response begins; returns headers to add.
    end: called when the response was handed over whole, or there will be none.
    closed: called when a WebSocket is closed, or was not accepted.
    """

    begin: Callable[[Exchange], None] | None = None
    headers: Callable[[Exchange], Iterable[Header]] | None = None
    end: Callable[[Exchange], None] | None = None
    closed: Callable[[Exchange], None] | None = None


class Exchanges:
    """Calls the hooks of all features, with one wrapper around `send` instead of one for each."""

    def __init__(self, app: ASGIApp, hooks: Sequence[ExchangeHooks]) -> None:
        self.app = app
        self._begin = [one.begin for one in hooks if one.begin]
        self._headers = [one.headers for one in hooks if one.headers]
        self._end = [one.end for one in hooks if one.end]
        self._closed = [one.closed for one in hooks if one.closed]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            follow = self._follow_socket if scope["type"] == "websocket" else self.app
            await follow(scope, receive, send)
            return
        around = scope.get(KEY)  # of an API that this one is mounted in
        exchange = scope[KEY] = Exchange(scope)
        for begin in self._begin:
            begin(exchange)
        try:
            await self.app(scope, _noticing(exchange, receive), self._following(exchange, send))
        except asyncio.CancelledError:
            # So Ray Serve tells that the client hung up.
            exchange.leaves()
            raise
        except Exception:
            if not exchange.complete:
                exchange.status = 500
            raise
        finally:
            # Without a cycle: every request would wait for the garbage collector.
            scope[KEY] = around
            if exchange.left:
                exchange.status = CLIENT_LEFT
            for end in self._end:
                end(exchange)

    async def _follow_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope)

        async def followed(message: Message) -> None:
            if not exchange.started and message["type"] in SOCKET_BEGINS:
                exchange.started = True
                # Closed before it was accepted, a WebSocket is answered 403.
                exchange.status = message.get("status") or SOCKET_BEGINS[message["type"]]
            await send(message)

        try:
            await self.app(scope, receive, followed)
        except Exception:
            if not exchange.started:
                exchange.status = 500
            raise
        finally:
            for closed in self._closed:
                closed(exchange)

    def _following(self, exchange: Exchange, send: Send) -> Send:
        async def followed(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.started = True
                exchange.status = message["status"]
                for headers in self._headers:
                    message["headers"] = [*message.get("headers", ()), *headers(exchange)]
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                exchange.sent_all()

        return followed


def _noticing(exchange: Exchange, receive: Receive) -> Receive:
    async def noticed() -> Message:
        message = await receive()
        if message["type"] == "http.disconnect":
            exchange.leaves()
        return message

    return noticed

"""Counts requests, and measures how long their answers take."""

from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from servekit.api.response_observer import CLIENT_LEFT, Outcome
from servekit.contracts import Meter

from .route_templates import NO_ROUTE, RouteTemplates

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
OTHER_METHOD = "other"
SOCKET = "websocket"
SOCKET_STATUS = {"websocket.accept": 101, "websocket.close": 403}
"""The status of a WebSocket that is opened, or closed before that."""


class RequestMetrics:
    """Measures every request and every attempt to open a WebSocket.

    Labels are the route's template, the method and the status: whatever a client sends, there
    are only so many. A request takes until the last byte of its answer is handed over, or
    until its client has left; a WebSocket is counted, but how long it stays open says nothing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._routes: RouteTemplates | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._measured(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._counted(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _measured(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter()
        outcome = Outcome()
        meter, root_path = self._meter(scope), scope.get("root_path", "")
        try:
            await outcome.follow(self.app, scope, receive, send)
        finally:
            seconds = (outcome.last_byte_at or perf_counter()) - began
            method = scope["method"] if scope["method"] in METHODS else OTHER_METHOD
            route = self._route(scope, root_path)
            meter.count(
                "http_requests_total", route=route, method=method, status=str(outcome.status)
            )
            meter.observe("http_request_seconds", seconds, route=route, method=method)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        counted = False
        meter, root_path = self._meter(scope), scope.get("root_path", "")

        def count(status: int) -> None:
            nonlocal counted
            if not counted:
                counted = True
                route = self._route(scope, root_path)
                meter.count("http_requests_total", route=route, method=SOCKET, status=str(status))

        async def noted(message: Message) -> None:
            # Counted when it opens, not when it ends: that may be hours later.
            count(message.get("status") or SOCKET_STATUS.get(message["type"], CLIENT_LEFT))
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            count(CLIENT_LEFT)

    def _meter(self, scope: Scope) -> Meter:
        """To be called at first: a mounted application puts itself in the place of this one."""
        if self._routes is None:
            self._routes = RouteTemplates(scope["app"])
        return scope["app"].state.ports.meter

    def _route(self, scope: Scope, root_path: str) -> str:
        return self._routes.template(scope, root_path) if self._routes else NO_ROUTE

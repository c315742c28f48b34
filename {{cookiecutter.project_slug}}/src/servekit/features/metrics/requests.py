"""Counts requests, and measures how long their answers take."""

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from servekit.api.exchange import CLIENT_LEFT, Exchange

from .route_templates import RouteTemplates

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

    def __init__(self) -> None:
        self._routes: RouteTemplates | None = None

    def measure(self, exchange: Exchange) -> None:
        scope, meter = exchange.scope, exchange.app.state.ports.meter
        method = scope["method"] if scope["method"] in METHODS else OTHER_METHOD
        route = self._templates(exchange.app).template(scope, exchange.root_path)
        meter.count("http_requests_total", route=route, method=method, status=str(exchange.status))
        meter.observe("http_request_seconds", exchange.seconds, route=route, method=method)

    def count_socket(self, app: FastAPI, scope: Scope, root_path: str, status: int) -> None:
        route = self._templates(app).template(scope, root_path)
        meter = app.state.ports.meter
        meter.count("http_requests_total", route=route, method=SOCKET, status=str(status))

    def _templates(self, app: FastAPI) -> RouteTemplates:
        # Made at the first request, when all routes are there.
        if self._routes is None:
            self._routes = RouteTemplates(app)
        return self._routes


class SocketMetrics:
    """Counts each attempt to open a WebSocket."""

    def __init__(self, app: ASGIApp, metrics: RequestMetrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        counted = False
        # Now: a mounted application puts itself in the place of this one.
        api, root_path = scope["app"], scope.get("root_path", "")

        def count(status: int) -> None:
            nonlocal counted
            if not counted:
                counted = True
                self.metrics.count_socket(api, scope, root_path, status)

        async def noted(message: Message) -> None:
            # Counted when it opens, not when it ends: that may be hours later.
            count(message.get("status") or SOCKET_STATUS.get(message["type"], CLIENT_LEFT))
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            count(CLIENT_LEFT)

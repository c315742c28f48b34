"""Cleans trace headers before Ray Serve reads them."""

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

NAMES = frozenset({b"traceparent", b"tracestate"})


class ReadableHeaders:
    """Drops trace headers that are not ASCII: Ray Serve would fail over them, and answer 500."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = scope.get("headers", ())
        if any(name in NAMES and not value.isascii() for name, value in headers):
            scope["headers"] = [
                (name, value) for name, value in headers if name not in NAMES or value.isascii()
            ]
        await self.app(scope, receive, send)


def in_front() -> list[Middleware]:
    """Called by Ray Serve where it takes requests, because `deploy/serve.env` says so."""
    return [Middleware(ReadableHeaders)]

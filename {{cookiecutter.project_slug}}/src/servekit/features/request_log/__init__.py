"""Logs one line per request. Always on."""

import logging
from time import perf_counter

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from servekit.api import Feature
from servekit.api.response_observer import Outcome

log = logging.getLogger(__name__)


class RequestLog:
    """Logs method, path, status and duration of each HTTP request when it ends."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not log.isEnabledFor(logging.INFO):
            await self.app(scope, receive, send)
            return

        began = perf_counter()
        outcome = Outcome()
        try:
            await outcome.follow(self.app, scope, receive, send)
        finally:
            seconds = round(perf_counter() - began, 4)
            extra = {"method": scope["method"], "path": scope["path"]}
            log.info("request", extra={**extra, "status": outcome.status, "seconds": seconds})


def request_log() -> Feature:
    return Feature(name="request_log", middleware=[Middleware(RequestLog)])

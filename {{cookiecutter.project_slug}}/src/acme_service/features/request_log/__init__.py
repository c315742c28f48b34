"""One line of log a request. Always on."""

import logging
from time import perf_counter

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acme_service.api import Feature

log = logging.getLogger(__name__)


CLIENT_LEFT = 499
"""What proxies write where the client hung up before it had an answer."""


class RequestLog:
    """Logs method, path, status and duration of each HTTP request when it ends."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not log.isEnabledFor(logging.INFO):
            await self.app(scope, receive, send)
            return

        began = perf_counter()
        status = CLIENT_LEFT

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception:
            status = 500
            raise
        finally:
            seconds = round(perf_counter() - began, 4)
            extra = {"method": scope["method"], "path": scope["path"]}
            log.info("request", extra={**extra, "status": status, "seconds": seconds})


def request_log() -> Feature:
    return Feature(name="request_log", middleware=[Middleware(RequestLog)])

"""Answers unexpected errors where their responses still get the headers of all others."""

import logging
from inspect import iscoroutinefunction
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from .errors import unexpected
from .exchange import KEY, Exchange

log = logging.getLogger(__name__)


class UnexpectedErrors:
    """Answers 500 within all other middleware: Starlette would outside of it.

    There, CORS and the remaining requests are missing, and a page reads "CORS error". A client that
    hung up gets no answer, and what fails after an answer, in a background task, is logged alone.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            exchange: Exchange | None = scope.get(KEY)
            if exchange is None:
                raise
            if exchange.complete:
                log.exception("a background task failed")
            elif isinstance(error, ClientDisconnect):
                exchange.leaves()
            elif exchange.left:
                log.exception("a request failed whose client had left")
            elif exchange.started:
                raise
            else:
                response = await _answer(exchange.app, Request(scope, receive), error)
                await response(scope, receive, send)


async def _answer(app: Any, request: Request, error: Exception) -> ASGIApp:
    """Return what the service, or else the kit, answers; it may be a function that waits."""
    handlers = app.exception_handlers
    handler = handlers.get(500) or handlers.get(Exception, unexpected)
    if iscoroutinefunction(handler):
        return await handler(request, error)
    return await run_in_threadpool(handler, request, error)

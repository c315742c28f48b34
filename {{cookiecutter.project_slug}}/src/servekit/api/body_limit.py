"""Refuses requests that are too large before they fill the memory."""

from starlette.datastructures import Headers
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from .errors import problem, problem_response


class BodyLimit:
    """Answers 413 to a body of more than `max_bytes`, declared or sent piece by piece.

    Starlette counts the pieces; what a request declares is checked here, because Starlette
    would answer that in plain text.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.counted = RequestBodyLimitMiddleware(app, max_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._declared_bytes(scope) > self.max_bytes:
            detail = f"The request is larger than {self.max_bytes} bytes."
            await problem_response(problem(413, detail))(scope, receive, send)
            return
        await self.counted(scope, receive, send)

    @staticmethod
    def _declared_bytes(scope: Scope) -> int:
        declared = Headers(scope=scope).get("content-length", "")
        return int(declared[:20]) if declared.isascii() and declared.isdigit() else 0

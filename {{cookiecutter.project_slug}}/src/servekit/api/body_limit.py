"""Refuses bodies that are compressed, or larger than the limit, before they fill the memory."""

import re

from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from .errors import problem, problem_response

PLAIN_LENGTH = re.compile(rb"[0-9]{1,19}")
"""How servers read a length as this does. Of any other, the pieces are counted."""

PLAIN = {b"", b"identity"}
"""Values of Content-Encoding that change nothing."""


def declared_bytes(scope: Scope) -> int | None:
    """Return the size of the body that a request declares; None where its pieces tell.

    A request that declares nothing has no body.
    """
    declared = None
    for name, value in scope["headers"]:
        if name == b"content-length" and declared is None and PLAIN_LENGTH.fullmatch(value):
            declared = int(value)
        elif name in {b"content-length", b"transfer-encoding"}:
            return None
    return declared or 0


class BodyLimit:
    """Answers 413 to a body of more than `max_bytes`, declared or sent piece by piece.

    Compressed bodies are answered 415: a kilobyte may hold a gigabyte.

    What a request declares is checked here, because Starlette would answer that in plain text; the
    server takes no more than that. Of a request that declares nothing, Starlette counts the pieces.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.counted = RequestBodyLimitMiddleware(app, max_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if _is_encoded(scope):
            detail = "The content is encoded: send it as it is."
            response = problem_response(problem(415, detail), {"Accept-Encoding": "identity"})
            await response(scope, receive, send)
            return
        declared = declared_bytes(scope)
        if not declared:  # counted too where nothing is declared: not every server takes its word
            await self.counted(scope, receive, send)
        elif declared <= self.max_bytes:
            await self.app(scope, receive, send)
        else:
            detail = f"The request is larger than {self.max_bytes} bytes."
            await problem_response(problem(413, detail))(scope, receive, send)


def _is_encoded(scope: Scope) -> bool:
    return any(
        name == b"content-encoding" and value.strip().lower() not in PLAIN
        for name, value in scope["headers"]
    )

"""Observes how a response ends, for logs and metrics."""

from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CLIENT_LEFT = 499
"""The status that proxies log when the client hung up before the response."""


class Outcome:
    """Follows one HTTP request.

    status: of the answer; 500 when there was none because of an error.
    last_byte_at: by `perf_counter`, when the answer was handed over whole; 0 until then. Background
        tasks run after it.
    """

    __slots__ = ("last_byte_at", "status")

    def __init__(self) -> None:
        self.status = CLIENT_LEFT
        self.last_byte_at = 0.0

    async def follow(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self.last_byte_at = perf_counter()

        try:
            await app(scope, receive, noted)
        except Exception:
            self.status = 500
            raise

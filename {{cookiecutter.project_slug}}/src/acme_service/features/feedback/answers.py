"""Notes which answer a request has got, and gives a receipt with it.

Only an answer about one text alone has a receipt: a batch, a stream or a socket has none.
"""

from collections.abc import AsyncIterator, Sequence
from contextvars import ContextVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from servekit.api.principal import ANONYMOUS
from servekit.contracts import CHAMPION

from acme_service.ports import (
    Detection,
    LanguageDetector,
    LanguageModelCard,
    Query,
)

from .receipts import MAX_REQUEST_ID_CHARS, Answer, Receipts

HEADER = "X-Feedback-Receipt"
_RAW_HEADER = HEADER.lower().encode()


class Noted:
    """The text that one request has asked about, once a model has answered, and which has."""

    __slots__ = ("model", "text")

    def __init__(self) -> None:
        self.text: str | None = None
        self.model = ""


_current: ContextVar[Noted | None] = ContextVar("noted", default=None)


def _note(query: Query, detection: Detection) -> None:
    if noted := _current.get():
        noted.text, noted.model = query.text, detection.model


class NotedDetector:
    """Answers what `inner` answers, and notes it for the receipt."""

    def __init__(self, inner: LanguageDetector) -> None:
        self._inner = inner

    async def detect(self, query: Query) -> Detection:
        detection = await self._inner.detect(query)
        _note(query, detection)
        return detection

    async def detect_batch(self, queries: Sequence[Query]) -> list[Detection]:
        detections = await self._inner.detect_batch(queries)
        if len(queries) == 1:
            _note(queries[0], detections[0])
        return detections

    def detect_each(self, queries: Sequence[Query]) -> AsyncIterator[Detection]:
        return self._inner.detect_each(queries)

    def guesses(self, query: Query) -> AsyncIterator[Detection]:
        return self._inner.guesses(query)

    async def card(self, model: str = CHAMPION) -> LanguageModelCard:
        return await self._inner.card(model)

    async def check(self) -> str:
        return await self._inner.check()


class GivesReceipts:
    """Puts a receipt into the header of each answer that has one."""

    def __init__(self, app: ASGIApp, receipts: Receipts) -> None:
        self.app = app
        self.receipts = receipts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        noted = Noted()
        _current.set(noted)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                receipt = self._receipt(scope, noted)
                if receipt:
                    header = (_RAW_HEADER, receipt.encode())
                    message["headers"] = [*message["headers"], header]
            await send(message)

        await self.app(scope, receive, answer)

    def _receipt(self, scope: Scope, noted: Noted) -> str | None:
        request_id: str = scope["state"]["request_id"]
        # Callers may have chosen one that no address can name.
        nameable = request_id.isascii() and len(request_id) <= MAX_REQUEST_ID_CHARS
        if noted.text is None or not nameable:
            return None
        owner = scope["state"].get("caller", ANONYMOUS).id
        return self.receipts.issue(Answer(request_id, owner, noted.text, noted.model))

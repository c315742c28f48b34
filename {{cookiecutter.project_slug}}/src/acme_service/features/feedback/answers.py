"""Notes which answer a request has got, and gives a receipt with it.

Only an answer about one text alone has a receipt: a batch, a stream or a socket has none.
"""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from servekit.api.principal import ANONYMOUS
from servekit.contracts import (
    CHAMPION,
    Contract,
    Prediction,
    Predictor,
    WrappedPredictor,
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


class NotedPredictor(WrappedPredictor):
    """Answers what `inner` answers, and notes it for the receipt."""

    async def predict(self, item: Any, version: str = CHAMPION) -> Prediction[Any]:
        prediction = await self.inner.predict(item, version)
        _note(item, prediction)
        return prediction

    async def predict_batch(
        self, items: Sequence[Any], version: str = CHAMPION
    ) -> list[Prediction[Any]]:
        predictions = await self.inner.predict_batch(items, version)
        if len(items) == 1:
            _note(items[0], predictions[0])
        return predictions


def noted(contract: Contract, inner: Predictor[Any, Any]) -> Predictor[Any, Any]:
    """The model, with a note of each answer where answers can be corrected."""
    return NotedPredictor(inner) if contract.label else inner


def _note(item: Any, prediction: Prediction[Any]) -> None:
    if noted := _current.get():
        noted.text, noted.model = item.text, prediction.version


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

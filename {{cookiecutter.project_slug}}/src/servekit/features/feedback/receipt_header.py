"""Notes the answer that a request gets, and adds a receipt for it to the response.

Only a single answer has a receipt: requests that get several, streams and sockets have none.
"""

import logging
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from typing import Any

from starlette.types import Scope

from servekit.api.exchange import Exchange, ExchangeHooks, Header
from servekit.api.principal import ANONYMOUS
from servekit.contracts import CHAMPION, Prediction, Predictor, WrappedPredictor

from .labelled import UNUSABLE, LabelledContract
from .receipts import Answer, Receipts

HEADER = "X-Feedback-Receipt"
_RAW_HEADER = HEADER.lower().encode()

log = logging.getLogger(__name__)

Noted = list[tuple[LabelledContract, Any, Prediction[Any]]]
"""The answers that one request has got, with their contracts and items."""

_current: ContextVar[Noted | None] = ContextVar("noted", default=None)


class NotedPredictor(WrappedPredictor):
    """Answers what `inner` answers, and notes it for the receipt."""

    def __init__(self, inner: Predictor[Any, Any], contract: LabelledContract) -> None:
        super().__init__(inner)
        self._contract = contract

    async def predict(self, item: Any, version: str = CHAMPION) -> Prediction[Any]:
        prediction = await self.inner.predict(item, version)
        self._note([item], [prediction])
        return prediction

    async def predict_batch(
        self, items: Sequence[Any], version: str = CHAMPION
    ) -> list[Prediction[Any]]:
        predictions = await self.inner.predict_batch(items, version)
        self._note(items, predictions)
        return predictions

    def _note(self, items: Sequence[Any], predictions: Sequence[Prediction[Any]]) -> None:
        noted = _current.get()
        if noted is not None:
            # Two say as much as a thousand: that there is not one alone.
            for item, prediction in zip(items[:2], predictions[:2], strict=True):
                noted.append((self._contract, item, prediction))


def _begin(_: Exchange) -> None:
    _current.set([])


class ReceiptHeader:
    """Puts a receipt into the header of each response to which one belongs."""

    def __init__(self, receipts: Receipts) -> None:
        self.receipts = receipts
        self._warned_of: set[str] = set()

    def hooks(self) -> ExchangeHooks:
        return ExchangeHooks(begin=_begin, headers=self._headers)

    def _headers(self, exchange: Exchange) -> Iterable[Header]:
        noted = _current.get()
        receipt = self._receipt(exchange.scope, noted) if noted and exchange.status == 200 else None
        return [(_RAW_HEADER, receipt.encode())] if receipt else ()

    def _receipt(self, scope: Scope, noted: Noted) -> str | None:
        if len(noted) != 1:
            return None
        request_id: str = scope["state"]["request_id"]
        [(contract, item, prediction)] = noted
        try:
            content = contract.content_of(item, prediction.value)
        except UNUSABLE as error:
            if contract.name not in self._warned_of:
                self._warned_of.add(contract.name)
                reason = type(error).__name__
                log.warning("answers of %s get no receipt: %s", contract.name, reason)
            return None
        owner = scope["state"].get("caller", ANONYMOUS).id
        answer = Answer(request_id, owner, contract.name, prediction.version, content)
        return self.receipts.issue(answer)

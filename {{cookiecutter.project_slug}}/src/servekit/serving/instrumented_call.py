"""A batched call that is measured and traced."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from contextvars import Context
from time import perf_counter
from typing import Any

from servekit.contracts import AroundCall, Meter, ModelOverloadedError
from servekit.contracts.request_id import waiting_contexts

from .transport import ModelTransport


def nothing_around(
    _model: str, _waiting_contexts: Sequence[Context]
) -> AbstractContextManager[None]:
    return nullcontext()


def around_calls(each: Sequence[AroundCall]) -> AroundCall:
    """Combine these into one, the first outermost."""

    @contextmanager
    def around(model: str, asking: Sequence[Context]) -> Iterator[None]:
        with ExitStack() as stack:
            for enter in each:
                stack.enter_context(enter(model, asking))
            yield

    return around if each else nothing_around


class InstrumentedCall:
    """Calls a batch method of a model, and measures it.

    Args:
        model: Name of the model.
        method: Takes items and further sequences beside them; returns one answer each, in order.
        transport: Leads to the model.
        meter: Takes counts and measurements.
        around: Entered around each call.
    """

    def __init__(
        self, model: str, method: str, transport: ModelTransport, meter: Meter, around: AroundCall
    ) -> None:
        self._model = model
        self._method = method
        self._transport = transport
        self._meter = meter
        self._around = around
        # Of transports that stay in this process. A trace has one span for a call: a quick one may
        # turn out to be none.
        self._quick = getattr(transport, "quick_call", None) if around is nothing_around else None
        # What has no quick answer is not asked for one again.
        self._slow = "slow_call" if self._quick else "call"

    @property
    def may_be_quick(self) -> bool:
        """Whether `quick` may have an answer."""
        return self._quick is not None

    def quick(self, items: Sequence[Any], *others: Any) -> list[Any] | None:
        """Return the answers where the model gives them without waiting, else None."""
        began = perf_counter()
        answers = self._quick(self._method, items, *others) if self._quick else None
        if answers is not None:
            self._begun(items)
            self._ended(began)
        return answers

    async def __call__(self, items: Sequence[Any], *others: Any) -> list[Any]:
        self._begun(items)
        began = perf_counter()
        try:
            with self._around(self._model, waiting_contexts.get()):
                call = getattr(self._transport, self._slow)
                return await call(self._method, items, *others)
        except ModelOverloadedError:
            self._meter.count("model_refused_total", model=self._model)
            raise
        finally:
            # However it ended: a model that is stuck must not look like one that is idle.
            self._ended(began)

    def _begun(self, items: Sequence[Any]) -> None:
        self._meter.count("model_items_total", len(items), model=self._model)
        self._meter.observe("model_batch_size", len(items), model=self._model)

    def _ended(self, began: float) -> None:
        self._meter.observe("model_call_seconds", perf_counter() - began, model=self._model)

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

    async def __call__(self, items: Sequence[Any], *others: Any) -> list[Any]:
        self._meter.count("model_items_total", len(items), model=self._model)
        self._meter.observe("model_batch_size", len(items), model=self._model)
        began = perf_counter()
        try:
            with self._around(self._model, waiting_contexts.get()):
                return await self._transport.call(self._method, items, *others)
        except ModelOverloadedError:
            self._meter.count("model_refused_total", model=self._model)
            raise
        finally:
            # However it ended: a model that is stuck must not look like one that is idle.
            self._meter.observe("model_call_seconds", perf_counter() - began, model=self._model)

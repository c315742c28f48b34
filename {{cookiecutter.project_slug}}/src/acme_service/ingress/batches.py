"""One call for many answers, measured and followed."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from contextvars import Context
from time import perf_counter
from typing import Any

from acme_service.api import Feature
from acme_service.api.feature import AroundCall
from acme_service.ports import Meter, ModelOverloadedError

from .calls import ModelCalls
from .gather import askers


def nothing_around(_model: str, _askers: Sequence[Context]) -> AbstractContextManager[None]:
    return nullcontext()


def around_calls(features: Sequence[Feature]) -> AroundCall:
    """All that features put around a call, the first feature's outermost."""
    each = [feature.around_call for feature in features if feature.around_call]

    @contextmanager
    def around(model: str, asking: Sequence[Context]) -> Iterator[None]:
        with ExitStack() as stack:
            for enter in each:
                stack.enter_context(enter(model, asking))
            yield

    return around if each else nothing_around


class BatchCalls:
    """Asks a model for many answers at once.

    model: what callers know the model as.
    method: of the model; it takes items and gives one answer each, in order.
    """

    def __init__(
        self, model: str, method: str, calls: ModelCalls, meter: Meter, around: AroundCall
    ) -> None:
        self._model = model
        self._method = method
        self._calls = calls
        self._meter = meter
        self._around = around

    async def __call__(self, items: Sequence[Any]) -> list[Any]:
        self._meter.count("model_items_total", len(items), model=self._model)
        self._meter.observe("model_batch_size", len(items), model=self._model)
        began = perf_counter()
        try:
            with self._around(self._model, askers()):
                return await self._calls.call(self._method, items)
        except ModelOverloadedError:
            self._meter.count("model_refused_total", model=self._model)
            raise
        finally:
            # However it ended: a model that is stuck must not look like one that nobody asks.
            self._meter.observe("model_call_seconds", perf_counter() - began, model=self._model)

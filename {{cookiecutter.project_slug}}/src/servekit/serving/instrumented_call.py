"""One call for many answers, measured and followed."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from contextvars import Context
from time import perf_counter
from typing import Any

from servekit.contracts import AroundCall, Meter, ModelOverloadedError

from .batcher import waiting_contexts
from .transport import ModelTransport


def nothing_around(
    _model: str, _waiting_contexts: Sequence[Context]
) -> AbstractContextManager[None]:
    return nullcontext()


def around_calls(each: Sequence[AroundCall]) -> AroundCall:
    """Put all of these around a call, the first one outermost."""

    @contextmanager
    def around(model: str, asking: Sequence[Context]) -> Iterator[None]:
        with ExitStack() as stack:
            for enter in each:
                stack.enter_context(enter(model, asking))
            yield

    return around if each else nothing_around


class InstrumentedCall:
    """Asks a model for many answers at once.

    model: what callers know the model as.
    method: of the model; it takes items and what else belongs to them, and gives one answer each,
        in order.
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
            with self._around(self._model, waiting_contexts()):
                return await self._transport.call(self._method, items, *others)
        except ModelOverloadedError:
            self._meter.count("model_refused_total", model=self._model)
            raise
        finally:
            # However it ended: a model that is stuck must not look like one that nobody asks.
            self._meter.observe("model_call_seconds", perf_counter() - began, model=self._model)

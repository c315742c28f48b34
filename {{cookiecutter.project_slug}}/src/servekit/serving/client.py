"""The client of a model that answers one item at a time, wherever the model runs."""

from collections.abc import Callable, Sequence
from typing import Generic

from servekit.contracts import AroundCall, Meter

from .batcher import Answer, Batcher, Item
from .instrumented_call import InstrumentedCall, nothing_around
from .settings import GatherSettings
from .transport import LivenessTracker, ModelTransport


class BatchingClient(Generic[Item, Answer]):
    """A Predictor that gathers single items into calls.

    Its deployment has two methods: `predict_batch` takes items and gives one answer each, in
    order, and `ping` returns when the model is there.

    name: what callers know the model as.
    size_bytes: what an item weighs in a call, roughly.
    """

    def __init__(
        self,
        calls: ModelTransport,
        settings: GatherSettings,
        meter: Meter,
        around: AroundCall = nothing_around,
        *,
        name: str,
        size_bytes: Callable[[Item], int],
    ) -> None:
        self._calls = calls
        self._liveness = LivenessTracker()
        self._call = InstrumentedCall(name, "predict_batch", calls, meter, around)
        self._batcher = Batcher(name, self._batch, size_bytes, settings, meter)

    async def predict(self, item: Item) -> Answer:
        return await self._batcher.ask(item)

    async def _batch(self, items: Sequence[Item]) -> list[Answer]:
        answers: list[Answer] = await self._call(items)
        self._liveness.answered()
        return answers

    async def check(self) -> None:
        await self._liveness.check(lambda: self._calls.call("ping"))

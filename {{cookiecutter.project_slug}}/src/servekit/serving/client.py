"""The client of a model, wherever the model runs: a Predictor of any contract."""

import asyncio
from collections import Counter
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Coroutine,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import aclosing, contextmanager
from time import monotonic
from typing import Any, NamedTuple, TypeVar

from servekit.contracts import (
    CHALLENGER,
    CHAMPION,
    AroundCall,
    Meter,
    ModelCard,
    ModelError,
    ModelOverloadedError,
    ModelTimeoutError,
    ModelUnavailableError,
    Prediction,
    TooManyStreamsError,
    is_reference,
)
from servekit.contracts.shares import Shares, current_caller

from .batcher import MAX_CALL_BYTES, Batcher
from .chunks import Whole
from .consistency import replaced, require_single_version
from .instrumented_call import InstrumentedCall, nothing_around
from .model_cards import ModelCardCache
from .settings import BatcherSettings
from .sizes import size_bytes
from .transport import LivenessTracker, ModelTransport
from .version_counter import VersionCounter

Answer = TypeVar("Answer")

STREAMED_S = 0.5
"""How long streams are not tried whole after a call in which all had to be streamed."""

WHOLE_STREAMS = 32
"""Streams in one call. Each may take some milliseconds, and none begins before all have ended."""

SMALL_BATCH = 16
"""Batches of at most so many items join those of other requests; larger ones are called alone."""


class VersionedItem(NamedTuple):
    """An item, and the version that has to answer it."""

    item: Any
    version: str = CHAMPION


def item_bytes(asked: VersionedItem) -> int:
    return size_bytes(asked.item)


def split(items: Sequence[Any], max_items: int) -> Iterator[Sequence[Any]]:
    """Yield the items in parts that each fit into one call."""
    start = total_bytes = 0
    for index, item in enumerate(items):
        weight = size_bytes(item)
        full = index - start >= max_items or total_bytes + weight > MAX_CALL_BYTES
        if full and index > start:
            yield items[start:index]
            start, total_bytes = index, 0
        total_bytes += weight
    yield items[start:] if start else items


async def _gather(asking: Iterable[Coroutine[Any, Any, Answer]]) -> list[Answer]:
    """Await all, in order; when one fails, the others are cancelled."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in asking]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


class ModelClient:
    """Batches single items with those of other requests, and splits large batches.

    Args:
        name: Of the model.
        transport: Leads to the model.
        settings: Of the batcher.
        meter: Takes counts and measurements.
        around: Entered around each batched call.
        tries_whole: Whether the transport leads to a model that can give short streams whole.
    """

    def __init__(
        self,
        name: str,
        transport: ModelTransport,
        settings: BatcherSettings,
        meter: Meter,
        around: AroundCall = nothing_around,
        *,
        tries_whole: bool = False,
    ) -> None:
        self._name = name
        self._transport = transport
        self._settings = settings
        self._meter = meter
        self._liveness = LivenessTracker()
        self._call = InstrumentedCall(name, "predict_batch", transport, meter, around)
        self._batcher: Batcher[VersionedItem, Prediction[Any]] = Batcher(
            name,
            self._batch,
            item_bytes,
            settings,
            meter,
            quick_call=self._quick_batch if self._call.may_be_quick else None,
        )
        self._whole_call = InstrumentedCall(name, "whole_streams", transport, meter, around)
        of_streams = settings.model_copy(
            update={"max_items": min(settings.max_items, WHOLE_STREAMS)}
        )
        self._whole: Batcher[VersionedItem, Whole] = Batcher(
            name, self._whole_batch, item_bytes, of_streams, meter
        )
        self._tries_whole = tries_whole
        self._streamed_until = 0.0
        self._streams = 0
        self._shares = Shares(settings.max_streams_per_caller)
        self._answers = VersionCounter(name, meter)
        self._card = ModelCardCache(lambda: transport.call("card"))
        self._cards = {
            CHAMPION: self._card,
            CHALLENGER: ModelCardCache(lambda: transport.call("card", CHALLENGER)),
        }

    async def predict(self, item: Any, version: str = CHAMPION) -> Prediction[Any]:
        if is_reference(version):
            return (await self._call_directly([item], version))[0]
        return await self._batcher.ask(VersionedItem(item, version))

    async def predict_batch(
        self, items: Sequence[Any], version: str = CHAMPION
    ) -> list[Prediction[Any]]:
        if len(items) > SMALL_BATCH or is_reference(version):
            predictions = await self._call_directly(items, version)
        else:
            predictions = await _gather(
                self._batcher.ask(VersionedItem(item, version)) for item in items
            )
        return await require_single_version(self._name, items, predictions, self._call_directly)

    async def _call_directly(self, items: Sequence[Any], version: str) -> list[Prediction[Any]]:
        """Call without other requests' items: for large batches, and for named versions."""
        # No more parts at once than single items get calls, or one batch would fill the queue.
        places = asyncio.Semaphore(self._settings.max_in_flight)

        async def answered(part: Sequence[Any]) -> list[Prediction[Any]]:
            asked = [VersionedItem(item, version) for item in part]
            async with places:
                answers = self._quick_batch(asked) or await self._batch(asked)
            for answer in answers:
                if isinstance(answer, ModelError):
                    raise answer
            return answers  # type: ignore[return-value]

        parts = list(split(items, self._settings.max_items))
        if len(parts) == 1:
            return await answered(parts[0])
        each = await _gather(answered(part) for part in parts)
        return [prediction for answers in each for prediction in answers]

    async def _batch(self, asked: Sequence[VersionedItem]) -> list[Prediction[Any] | ModelError]:
        asked_at = monotonic()
        items = [one.item for one in asked]
        answers = await self._call(items, [one.version for one in asked])
        self._note(asked, answers, asked_at)
        return answers

    def _quick_batch(
        self, asked: Sequence[VersionedItem]
    ) -> list[Prediction[Any] | ModelError] | None:
        asked_at = monotonic()
        items = [one.item for one in asked]
        answers = self._call.quick(items, [one.version for one in asked])
        if answers is not None:
            self._note(asked, answers, asked_at)
        return answers

    def _note(
        self,
        asked: Sequence[VersionedItem],
        answers: Sequence[Prediction[Any] | ModelError],
        asked_at: float,
    ) -> None:
        self._liveness.answered()
        answered_by = {
            one.version: answer.version
            for one, answer in zip(asked, answers, strict=True)
            if not isinstance(answer, ModelError)
        }
        versions = Counter([one.version for one in answers if not isinstance(one, ModelError)])
        if failed := len(answers) - versions.total():
            self._meter.count("model_failed_items_total", failed, model=self._name)
        for version, times in versions.items():
            self._answers.count(version, times)
        for role, version in answered_by.items():
            if card := self._cards.get(role):
                card.answered(version, asked_at)

    def predict_each(
        self, items: Sequence[Any], version: str = CHAMPION
    ) -> AsyncIterator[Prediction[Any]]:
        return self._each("predict_each", split(items, len(items)), version)

    async def stream(self, item: Any, version: str = CHAMPION) -> AsyncIterator[Prediction[Any]]:
        pieces = await self._pieces(item, version)
        if pieces is not None:
            for piece in pieces:
                yield piece
            return
        async with aclosing(self._each("stream", [item], version)) as predictions:  # type: ignore[type-var]
            async for prediction in predictions:
                yield prediction

    async def _pieces(self, item: Any, version: str) -> Whole:
        """Return a whole stream if it is short; it is then batched with others."""
        tries = self._tries_whole and not is_reference(version)
        if not tries or monotonic() < self._streamed_until:
            return None
        try:
            pieces = await self._whole.ask(VersionedItem(item, version))
        except ModelError as error:
            if isinstance(error, ModelOverloadedError | ModelTimeoutError | ModelUnavailableError):
                raise
            pieces = None  # streamed, it fails for itself alone
        if pieces:
            self._answers.count(pieces[0].version)
        return pieces

    async def _whole_batch(self, asked: Sequence[VersionedItem]) -> list[Whole]:
        answers = await self._whole_call(
            [one.item for one in asked], [one.version for one in asked]
        )
        self._liveness.answered()
        if all(pieces is None for pieces in answers):
            # Others like them would be asked in vain, too.
            self._streamed_until = monotonic() + STREAMED_S
        return answers

    async def _each(
        self, method: str, parts: Iterable[Any], wanted: str
    ) -> AsyncIterator[Prediction[Any]]:
        """Yield the answers to all parts, all by the version that gives the first one."""
        version = None
        for part in parts:
            asked = wanted if version is None else version
            async with aclosing(self._stream(method, part, asked)) as predictions:
                async for prediction in predictions:
                    if version is None:
                        version = prediction.version
                        self._answers.count(version)
                    elif prediction.version != version:
                        raise replaced(self._name)
                    yield prediction

    async def _stream(self, method: str, *args: Any) -> AsyncGenerator[Prediction[Any], None]:
        try:
            with self._shares.held(current_caller()), self._stream_slot():
                async with aclosing(self._transport.stream(method, *args)) as predictions:
                    async for prediction in predictions:
                        self._liveness.answered()
                        yield prediction
        except (ModelOverloadedError, TooManyStreamsError):
            self._meter.count("model_refused_total", model=self._name)
            raise

    @contextmanager
    def _stream_slot(self) -> Iterator[None]:
        # A stream lasts as long as its reader likes. Unbounded, streams would take every
        # place that the model has, and single items would wait behind them.
        if self._streams >= self._settings.max_streams:
            raise ModelOverloadedError(f"The {self._name} model is busy.")
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1

    async def card(self, version: str = CHAMPION) -> ModelCard:
        if current := self._cards.get(version):
            return await current.get()
        return await self._transport.call("card", version)

    async def check(self) -> str:
        await self._liveness.check(self._card.renew, even_just_now=self._card.is_old)
        return self._card.note

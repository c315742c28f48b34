"""The ports, answered by models that run anywhere."""

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
from typing import Any

from servekit.contracts import CHALLENGER, CHAMPION, AroundCall, Meter, ModelOverloadedError
from servekit.serving.batcher import MAX_CALL_BYTES, Answer, Batcher
from servekit.serving.instrumented_call import InstrumentedCall, nothing_around
from servekit.serving.settings import GatherSettings
from servekit.serving.transport import LivenessTracker, ModelTransport
from servekit.serving.version_counter import VersionCounter

from acme_service.ports import Detection, LanguageModelCard, Query

from .agreement import of_one_version, pinned, replaced
from .cards import CurrentCard

_OVERHEAD_BYTES = 128
_MAX_UTF8_BYTES = 4

MAX_GATHERED = 16
"""Batches of at most so many texts are gathered with others; larger ones travel alone."""


def text_bytes(text: str) -> int:
    """The most that a text can weigh in a call."""
    return _OVERHEAD_BYTES + len(text) * (1 if text.isascii() else _MAX_UTF8_BYTES)


def query_bytes(query: Query) -> int:
    return text_bytes(query.text)


def split(queries: Sequence[Query], max_texts: int) -> Iterator[Sequence[Query]]:
    """The queries in parts that each fit into one call."""
    most_bytes = sum(len(query.text) for query in queries) * _MAX_UTF8_BYTES
    if len(queries) <= max_texts and most_bytes + len(queries) * _OVERHEAD_BYTES <= MAX_CALL_BYTES:
        yield queries
        return
    start = total_bytes = 0
    for index, query in enumerate(queries):
        size_bytes = query_bytes(query)
        full = index - start >= max_texts or total_bytes + size_bytes > MAX_CALL_BYTES
        if full and index > start:
            yield queries[start:index]
            start, total_bytes = index, 0
        total_bytes += size_bytes
    yield queries[start:]


async def _together(asking: Iterable[Coroutine[Any, Any, Answer]]) -> list[Answer]:
    """All answers in order. When one fails, the others are not asked for any longer."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in asking]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


class GatheringDetector:
    """A LanguageDetector that gathers single texts and splits large batches."""

    def __init__(
        self,
        calls: ModelTransport,
        settings: GatherSettings,
        meter: Meter,
        around: AroundCall = nothing_around,
    ) -> None:
        self._calls = calls
        self._settings = settings
        self._meter = meter
        self._liveness = LivenessTracker()
        self._ask = InstrumentedCall("language", "detect_batch", calls, meter, around)
        self._batcher = Batcher("language", self._batch, query_bytes, settings, meter)
        self._streams = 0
        self._answers = VersionCounter("language", meter)
        self._card = CurrentCard(lambda: calls.call("card"))
        self._cards = {
            CHAMPION: self._card,
            CHALLENGER: CurrentCard(lambda: calls.call("card", CHALLENGER)),
        }

    async def detect(self, query: Query) -> Detection:
        if query.pinned:
            return (await self._apart([query]))[0]
        return await self._batcher.ask(query)

    async def detect_batch(self, queries: Sequence[Query]) -> list[Detection]:
        if len(queries) > MAX_GATHERED or any(query.pinned for query in queries):
            detections = await self._apart(queries)
        else:
            detections = await _together(self._batcher.ask(query) for query in queries)
        return await of_one_version(queries, detections, self._apart)

    async def _apart(self, queries: Sequence[Query]) -> list[Detection]:
        """Asked without others: what is too much for a call, or may fail by its own fault."""
        parts = list(split(queries, self._settings.max_texts))
        if len(parts) == 1:
            return await self._batch(queries)
        # No more parts at once than single texts get calls, or one batch would fill the line.
        places = asyncio.Semaphore(self._settings.max_in_flight)

        async def answered(part: Sequence[Query]) -> list[Detection]:
            async with places:
                return await self._batch(part)

        answers = await _together(answered(part) for part in parts)
        return [detection for answer in answers for detection in answer]

    async def _batch(self, queries: Sequence[Query]) -> list[Detection]:
        asked_at = monotonic()
        detections: list[Detection] = await self._ask(queries)
        self._liveness.answered()
        for reference, answers in Counter([one.model for one in detections]).items():
            self._answers.count(reference, answers)
        answered_by = {
            query.model: one.model for query, one in zip(queries, detections, strict=True)
        }
        for asked, reference in answered_by.items():
            if card := self._cards.get(asked):
                card.answered(reference, asked_at)
        return detections

    def detect_each(self, queries: Sequence[Query]) -> AsyncIterator[Detection]:
        return self._each("detect_each", split(queries, len(queries)))

    def guesses(self, query: Query) -> AsyncIterator[Detection]:
        return self._each("guesses", [query])

    async def _each(self, method: str, parts: Iterable[Any]) -> AsyncIterator[Detection]:
        """All answers to all parts, by the version that gives the first one."""
        version = None
        for part in parts:
            asked = part if version is None else pinned(part, version)
            async with aclosing(self._stream(method, asked)) as detections:
                async for detection in detections:
                    if version is None:
                        version = detection.model
                        self._answers.count(version)
                    elif detection.model != version:
                        raise replaced()
                    yield detection

    async def _stream(self, method: str, *args: Any) -> AsyncGenerator[Detection, None]:
        try:
            with self._place_for_a_stream():
                async with aclosing(self._calls.stream(method, *args)) as detections:
                    async for detection in detections:
                        self._liveness.answered()
                        yield detection
        except ModelOverloadedError:
            self._meter.count("model_refused_total", model="language")
            raise

    @contextmanager
    def _place_for_a_stream(self) -> Iterator[None]:
        # A stream lasts as long as its reader likes. Unbounded, streams would take every
        # place that the model has, and single texts would wait behind them.
        if self._streams >= self._settings.max_streams:
            raise ModelOverloadedError("The language model is busy.")
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1

    async def card(self, model: str = CHAMPION) -> LanguageModelCard:
        if current := self._cards.get(model):
            return await current.get()
        return await self._calls.call("card", model)

    async def check(self) -> str:
        await self._liveness.check(self._card.renew, even_just_now=self._card.is_old)
        return self._card.note

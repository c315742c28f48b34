"""The ports, answered by models that run anywhere."""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Coroutine,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import aclosing, contextmanager
from contextvars import Context
from time import monotonic
from typing import Any

from acme_service.api.feature import AroundCall
from acme_service.ports import (
    Detection,
    LanguageModelCard,
    Meter,
    ModelError,
    ModelOverloadedError,
    Query,
    Sentiment,
)

from .batches import BatchCalls, nothing_around
from .calls import JUST_NOW_S, ModelCalls, Pulse
from .gather import MAX_CALL_BYTES, Answer, Gatherer
from .settings import GatherSettings

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
        calls: ModelCalls,
        settings: GatherSettings,
        meter: Meter,
        around: AroundCall = nothing_around,
    ) -> None:
        self._calls = calls
        self._settings = settings
        self._meter = meter
        self._pulse = Pulse()
        self._ask = BatchCalls("language", "detect_batch", calls, meter, around)
        self._gatherer = Gatherer("language", self._batch, query_bytes, settings, meter)
        self._streams = 0
        self._card: LanguageModelCard | None = None
        self._card_at = float("-inf")
        self._renewal: asyncio.Task[LanguageModelCard] | None = None

    async def detect(self, query: Query) -> Detection:
        return await self._gatherer.ask(query)

    async def detect_batch(self, queries: Sequence[Query]) -> list[Detection]:
        if len(queries) <= MAX_GATHERED:
            return await _together(self._gatherer.ask(query) for query in queries)
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
        self._pulse.answered()
        if self._card:
            # An answer shows whether the card is right: under load, nobody needs to ask for it.
            same = detections[0].model == self._card.reference
            self._card_at = max(self._card_at, asked_at) if same else float("-inf")
        return detections

    async def detect_each(self, queries: Sequence[Query]) -> AsyncIterator[Detection]:
        for part in split(queries, len(queries)):
            async with aclosing(self._stream("detect_each", part)) as detections:
                async for detection in detections:
                    yield detection

    async def guesses(self, query: Query) -> AsyncIterator[Detection]:
        async with aclosing(self._stream("guesses", query)) as detections:
            async for detection in detections:
                yield detection

    async def _stream(self, method: str, *args: Any) -> AsyncGenerator[Detection, None]:
        try:
            with self._place_for_a_stream():
                async with aclosing(self._calls.stream(method, *args)) as detections:
                    async for detection in detections:
                        self._pulse.answered()
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

    async def card(self) -> LanguageModelCard:
        if self._card is None or monotonic() - self._card_at > JUST_NOW_S:
            if self._renewal is None or self._renewal.done():
                # Nobody's in particular, so it outlasts whoever asked first.
                loop = asyncio.get_running_loop()
                self._renewal = loop.create_task(self._renew_card(), context=Context())
            try:
                return await asyncio.shield(self._renewal)
            except ModelError as error:
                # One instance each: an error collects the traceback of all who raise it.
                raise type(error)(*error.args) from None
        return self._card

    async def _renew_card(self) -> LanguageModelCard:
        asked_at = monotonic()
        self._card = await self._ask_for_card()
        self._card_at = asked_at
        return self._card

    async def _ask_for_card(self) -> LanguageModelCard:
        return await self._calls.call("card")

    async def check(self) -> None:
        await self._pulse.check(self._ask_for_card)


class GatheringSentiment:
    """A SentimentModel that gathers single texts."""

    def __init__(
        self,
        calls: ModelCalls,
        settings: GatherSettings,
        meter: Meter,
        around: AroundCall = nothing_around,
    ) -> None:
        self._calls = calls
        self._pulse = Pulse()
        self._ask = BatchCalls("sentiment", "classify_batch", calls, meter, around)
        self._gatherer = Gatherer("sentiment", self._batch, text_bytes, settings, meter)

    async def classify(self, text: str) -> Sentiment:
        return await self._gatherer.ask(text)

    async def _batch(self, texts: Sequence[str]) -> list[Sentiment]:
        sentiments: list[Sentiment] = await self._ask(texts)
        self._pulse.answered()
        return sentiments

    async def check(self) -> None:
        await self._pulse.check(lambda: self._calls.call("ping"))

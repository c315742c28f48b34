"""A detector that is asked only what it has not been asked before."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

from acme_service.ports import (
    Detection,
    LanguageDetector,
    LanguageModelCard,
    Meter,
    Query,
)

from .answers import Answers, Found
from .flights import Flights
from .keys import key_of
from .status import Lookup, current_lookup

LOOKUPS = 2
"""While models change faster than answers are looked up, nothing counts as known."""


class CachedDetector:
    """Answers from memory what `inner` has answered, as long as it is the same model.

    Guesses are passed through: each is asked for once, on the way to an answer.
    """

    def __init__(self, inner: LanguageDetector, answers: Answers, meter: Meter) -> None:
        self._inner = inner
        self._answers = answers
        self._meter = meter
        self._flights: Flights[Detection] = Flights()
        self._model = ""
        """Which model answered last. Until one has, nothing can be looked up."""

    async def detect(self, query: Query) -> Detection:
        lookup = current_lookup()
        key = key_of(query)
        [found] = await self._found([key], lookup)
        if found is not None:
            return found
        if lookup.fresh:
            return self._learn(key, await self._inner.detect(query), lookup)
        lookup.collapsed = self._flights.under_way(key)

        async def ask() -> Detection:
            return self._learn(key, await self._inner.detect(query), lookup)

        return await self._flights.board(key, ask)

    async def detect_batch(self, queries: Sequence[Query]) -> list[Detection]:
        if len(queries) == 1:
            return [await self.detect(queries[0])]
        lookup = current_lookup()
        keys = list(map(key_of, queries))
        found = await self._found(keys, lookup)
        # By key: what a batch asks twice is asked once.
        missing = {
            key: query
            for key, query, answer in zip(keys, queries, found, strict=True)
            if answer is None
        }
        if not missing:
            return [answer for answer in found if answer is not None]
        answers = await self._inner.detect_batch(list(missing.values()))
        asked = {
            key: self._learn(key, answer, lookup)
            for key, answer in zip(missing, answers, strict=True)
        }
        return [answer or asked[key] for key, answer in zip(keys, found, strict=True)]

    async def detect_each(self, queries: Sequence[Query]) -> AsyncIterator[Detection]:
        lookup = current_lookup()
        keys = list(map(key_of, queries))
        found = await self._found(keys, lookup)
        missing = [q for q, answer in zip(queries, found, strict=True) if answer is None]
        if not missing:
            for answer in found:
                yield answer or Detection()
            return
        async with aclosing(self._inner.detect_each(missing)) as answers:  # type: ignore[type-var]
            for key, answer in zip(keys, found, strict=True):
                yield answer or self._learn(key, await anext(answers), lookup)

    def guesses(self, query: Query) -> AsyncIterator[Detection]:
        return self._inner.guesses(query)

    async def card(self) -> LanguageModelCard:
        return await self._inner.card()

    async def check(self) -> None:
        await self._inner.check()

    async def _found(self, keys: Sequence[str], lookup: Lookup) -> Found:
        """What the model that answers now has answered before, one a key."""
        asking = lookup.fresh or not self._model
        found: Found = [None] * len(keys) if asking else await self._remembered(keys)
        hits = sum(answer is not None for answer in found)
        lookup.hits += hits
        lookup.misses += len(keys) - hits
        self._count("cache_hits_total", hits)
        if not lookup.fresh:
            self._count("cache_misses_total", len(keys) - hits)
        return found

    def _count(self, name: str, amount: int) -> None:
        if amount:
            self._meter.count(name, amount, model="language")

    async def _remembered(self, keys: Sequence[str]) -> Found:
        # Others learn of models while this waits, so the model that was looked up is at hand here.
        model = self._model
        for _ in range(LOOKUPS):
            found = await self._answers.find(model, keys)
            if not any(found):
                return found
            looked_up, model = model, (await self._inner.card()).reference
            self._model = model
            if model == looked_up:
                return found
        return [None] * len(keys)

    def _learn(self, key: str, answer: Detection, lookup: Lookup) -> Detection:
        # The answer says which model gave it. While one version replaces another, both answer,
        # so what a model says of itself at another moment would not do.
        self._model = answer.model
        if not lookup.secret:
            self._answers.keep(key, answer)
        return answer

"""A detector that is asked only what it has not been asked before."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from itertools import chain

from servekit.api.streams import started
from servekit.contracts import CHAMPION, Meter

from acme_service.ports import (
    Detection,
    LanguageDetector,
    LanguageModelCard,
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
        self._flights: Flights[tuple[str, str], Detection] = Flights()
        self._versions: dict[str, str] = {}
        """Which version has answered last, by who was asked: the champion or the challenger.

        Until one has, nothing can be looked up.
        """

    async def detect(self, query: Query) -> Detection:
        lookup = current_lookup()
        key = key_of(query)
        [found] = await self._found(query, [key], lookup)
        if found is not None:
            return found

        async def ask() -> Detection:
            return self._learn(query, key, await self._inner.detect(query), lookup)

        if lookup.fresh:
            return await ask()
        flight = (query.model, key)
        lookup.collapsed = self._flights.under_way(flight)
        return await self._flights.board(flight, ask)

    async def detect_batch(self, queries: Sequence[Query]) -> list[Detection]:
        if len(queries) == 1:
            return [await self.detect(queries[0])]
        lookup = current_lookup()
        keys = list(map(key_of, queries))
        found = await self._found(queries[0], keys, lookup)
        # By key: what a batch asks twice is asked once.
        missing = {
            key: query
            for key, query, answer in zip(keys, queries, found, strict=True)
            if answer is None
        }
        asked = await self._asked(missing, lookup)
        if _by_several(found, asked.values()):
            # The version has changed since: what was found is not what this one says.
            lookup.forget()
            asked = await self._asked(dict(zip(keys, queries, strict=True)), lookup)
            return [asked[key] for key in keys]
        return [answer or asked[key] for key, answer in zip(keys, found, strict=True)]

    async def _asked(self, queries: dict[str, Query], lookup: Lookup) -> dict[str, Detection]:
        answers = await self._inner.detect_batch(list(queries.values())) if queries else []
        return {
            key: self._learn(query, key, answer, lookup)
            for (key, query), answer in zip(queries.items(), answers, strict=True)
        }

    async def detect_each(self, queries: Sequence[Query]) -> AsyncIterator[Detection]:
        lookup = current_lookup()
        keys = list(map(key_of, queries))
        found = await self._found(queries[0], keys, lookup)
        missing = [q for q, answer in zip(queries, found, strict=True) if answer is None]
        if not missing:
            for answer in found:
                yield answer or Detection()
            return
        async with started(self._inner.detect_each(missing)) as (first, answers):
            if not _by_several(found, [first]):
                for query, key, answer in zip(queries, keys, found, strict=True):
                    yield answer or self._learn(query, key, await anext(answers), lookup)
                return
        lookup.forget()
        async with aclosing(self._inner.detect_each(queries)) as answers:  # type: ignore[type-var]
            for query, key in zip(queries, keys, strict=True):
                yield self._learn(query, key, await anext(answers), lookup)

    def guesses(self, query: Query) -> AsyncIterator[Detection]:
        return self._inner.guesses(query)

    async def card(self, model: str = CHAMPION) -> LanguageModelCard:
        return await self._inner.card(model)

    async def check(self) -> str:
        return await self._inner.check()

    async def _found(self, query: Query, keys: Sequence[str], lookup: Lookup) -> Found:
        """What the version that this query asks has answered before, one a key."""
        found = _none_of(keys) if lookup.fresh else await self._remembered(query, keys)
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

    async def _remembered(self, query: Query, keys: Sequence[str]) -> Found:
        asked = query.model
        if query.pinned:
            return await self._answers.find(asked, keys)
        # Others learn of versions while this waits, so the one that was looked up is at hand here.
        version = self._versions.get(asked, "")
        for _ in range(LOOKUPS if version else 0):
            found = await self._answers.find(version, keys)
            if not any(found):
                return found
            looked_up, version = version, (await self._inner.card(asked)).reference
            self._versions[asked] = version
            if version == looked_up:
                return found
        return _none_of(keys)

    def _learn(self, query: Query, key: str, answer: Detection, lookup: Lookup) -> Detection:
        # The answer says which model gave it. While one version replaces another, both answer,
        # so what a model says of itself at another moment would not do.
        if not query.pinned:
            self._versions[query.model] = answer.model
        if not lookup.secret:
            self._answers.keep(key, answer)
        return answer


def _none_of(keys: Sequence[str]) -> Found:
    return [None] * len(keys)


def _by_several(*answers: Iterable[Detection | None]) -> bool:
    """Whether these were not all made by one version."""
    return len({answer.model for answer in chain(*answers) if answer}) > 1

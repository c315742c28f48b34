"""A predictor that calls the model for new items alone."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from itertools import chain
from typing import Any

from servekit.api.streams import started
from servekit.contracts import (
    CHAMPION,
    Contract,
    Meter,
    ModelUnavailableError,
    NoKeyError,
    Prediction,
    Predictor,
    WrappedPredictor,
    is_reference,
    key_of,
)

from .single_flight import SingleFlight
from .status import Lookup, current_lookup
from .store import CacheStore, Found

LOOKUPS = 2
"""Lookups before a quickly changing version counts as unknown."""


class CachedPredictor(WrappedPredictor):
    """Answers from the cache what `inner` has answered before, by version.

    Streams are not cached.
    """

    def __init__(
        self, contract: Contract, inner: Predictor[Any, Any], store: CacheStore, meter: Meter
    ) -> None:
        super().__init__(inner)
        self._name = contract.name
        self._store = store
        self._meter = meter
        self._flights: SingleFlight[tuple[str, str], Prediction[Any]] = SingleFlight()
        self._versions: dict[str, str] = {}
        """The version that answered last, by role; without one, nothing is looked up."""

    async def predict(self, item: Any, version: str = CHAMPION) -> Prediction[Any]:
        lookup = current_lookup()
        try:
            key = key_of(item)
        except NoKeyError:
            return await self.inner.predict(item, version)
        [found] = await self._found(version, [key], lookup)
        if found is not None:
            return found

        async def ask() -> Prediction[Any]:
            return self._learn(version, key, await self.inner.predict(item, version), lookup)

        if lookup.fresh:
            return await ask()
        flight = (version, key)
        lookup.collapsed = self._flights.under_way(flight)
        return await self._flights.do(flight, ask)

    async def predict_batch(
        self, items: Sequence[Any], version: str = CHAMPION
    ) -> list[Prediction[Any]]:
        if len(items) == 1:
            return [await self.predict(items[0], version)]
        lookup = current_lookup()
        try:
            keys = list(map(key_of, items))
        except NoKeyError:
            return await self.inner.predict_batch(items, version)
        found = await self._found(version, keys, lookup)
        # By key: equal items of a batch are predicted once.
        missing = {
            key: item
            for key, item, answer in zip(keys, items, found, strict=True)
            if answer is None
        }
        asked = await self._predict_missing(missing, version, lookup)
        if _by_several(found, asked.values()):
            # The version has changed since: what was found is not what this one says.
            lookup.forget()
            asked = await self._predict_missing(
                dict(zip(keys, items, strict=True)), version, lookup
            )
            return [asked[key] for key in keys]
        return [answer or asked[key] for key, answer in zip(keys, found, strict=True)]

    async def _predict_missing(
        self, items: dict[str, Any], version: str, lookup: Lookup
    ) -> dict[str, Prediction[Any]]:
        answers = await self.inner.predict_batch([*items.values()], version) if items else []
        return {
            key: self._learn(version, key, answer, lookup)
            for key, answer in zip(items, answers, strict=True)
        }

    async def predict_each(
        self, items: Sequence[Any], version: str = CHAMPION
    ) -> AsyncIterator[Prediction[Any]]:
        lookup = current_lookup()
        try:
            keys = list(map(key_of, items))
        except NoKeyError:
            async for answer in self.inner.predict_each(items, version):
                yield answer
            return
        found = await self._found(version, keys, lookup)
        missing = [item for item, answer in zip(items, found, strict=True) if answer is None]
        if not missing:
            for answer in filter(None, found):
                yield answer
            return
        async with started(self.inner.predict_each(missing, version)) as (first, answers):
            if not _by_several(found, [first]):
                for key, answer in zip(keys, found, strict=True):
                    yield answer or self._learn(version, key, await self._next(answers), lookup)
                return
        lookup.forget()
        async with aclosing(self.inner.predict_each(items, version)) as answers:  # type: ignore[type-var]
            for key in keys:
                yield self._learn(version, key, await self._next(answers), lookup)

    async def _next(self, answers: AsyncIterator[Prediction[Any]]) -> Prediction[Any]:
        async for answer in answers:
            return answer
        raise ModelUnavailableError(f"The {self._name} model stopped.")

    async def _found(self, version: str, keys: Sequence[str], lookup: Lookup) -> Found:
        """Look up the keys; return an answer or None for each."""
        found = _none_of(keys) if lookup.fresh else await self._remembered(version, keys)
        hits = sum(answer is not None for answer in found)
        lookup.hits += hits
        lookup.misses += len(keys) - hits
        self._count("cache_hits_total", hits)
        if not lookup.fresh:
            self._count("cache_misses_total", len(keys) - hits)
        return found

    def _count(self, name: str, amount: int) -> None:
        if amount:
            self._meter.count(name, amount, model=self._name)

    async def _remembered(self, asked: str, keys: Sequence[str]) -> Found:
        if is_reference(asked):
            return await self._store.find(asked, keys)
        # Others learn of versions while this waits, so the one that was looked up is at hand here.
        version = self._versions.get(asked, "")
        for _ in range(LOOKUPS if version else 0):
            found = await self._store.find(version, keys)
            if not any(found):
                return found
            looked_up, version = version, (await self.inner.card(asked)).reference
            self._versions[asked] = version
            if version == looked_up:
                return found
        return _none_of(keys)

    def _learn(
        self, asked: str, key: str, answer: Prediction[Any], lookup: Lookup
    ) -> Prediction[Any]:
        # The answer says which version gave it. While one replaces another, both answer, so
        # what a model says of itself at another moment would not do.
        if not is_reference(asked):
            self._versions[asked] = answer.version
        if not lookup.secret:
            self._store.keep(key, answer)
        return answer


def _none_of(keys: Sequence[str]) -> Found:
    return [None] * len(keys)


def _by_several(*answers: Iterable[Prediction[Any] | None]) -> bool:
    """Whether these were not all made by one version."""
    return len({answer.version for answer in chain(*answers) if answer}) > 1

"""Stand-ins for models. Plain classes, so a test reads like the contract."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from servekit.contracts import (
    CHALLENGER,
    CHAMPION,
    Contract,
    ModelCard,
    ModelError,
    Ports,
    Prediction,
)

from acme_service.contracts.language import LANGUAGE, Detection, Query

CARD = ModelCard("fake-language", "7", {"languages": ["de", "en", "fr"]})


def detection(**scores: float) -> Detection:
    """The detection with these scores, best first."""
    [(language, score), *_] = scores.items()
    return Detection(language, score, [{"language": one, "score": scores[one]} for one in scores])


ENGLISH = detection(en=0.75, de=0.2, fr=0.05)
"""What FakeDetector says of every text that has letters."""

ENGLISH_JSON = {"language": "en", "score": 0.75, "candidates": ENGLISH.candidates}


class FakeMeter:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, frozenset[tuple[str, str]]]] = Counter()
        self.observations: list[tuple[str, float]] = []

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        self.counts[name, frozenset(labels.items())] += int(amount)

    def observe(self, name: str, value: float, **labels: str) -> None:
        self.observations.append((name, value))


class FakeDetector:
    """Finds English in everything that has letters, and remembers what it was asked.

    versions: what was asked for, one an item of `asked`.
    """

    def __init__(self) -> None:
        self.asked: list[Query] = []
        self.versions: list[str] = []

    async def predict(self, item: Query, version: str = CHAMPION) -> Prediction[Detection]:
        self.asked.append(item)
        self.versions.append(version)
        found = ENGLISH if any(map(str.isalpha, item.text)) else Detection()
        return Prediction(found, CARD.reference)

    async def predict_batch(
        self, items: Sequence[Query], version: str = CHAMPION
    ) -> list[Prediction[Detection]]:
        return [await self.predict(item, version) for item in items]

    async def predict_each(
        self, items: Sequence[Query], version: str = CHAMPION
    ) -> AsyncIterator[Prediction[Detection]]:
        for item in items:
            yield await self.predict(item, version)

    async def stream(
        self, item: Query, version: str = CHAMPION
    ) -> AsyncIterator[Prediction[Detection]]:
        words = item.text.split()
        for length in range(1, max(len(words), 1) + 1):
            yield await self.predict(replace(item, text=" ".join(words[:length])), version)

    async def card(self, version: str = CHAMPION) -> ModelCard:
        return CARD

    async def check(self) -> str:
        return ""


class ChangingDetector(FakeDetector):
    """A model that is replaced now and then, with a challenger beside it at times."""

    version = "1"
    challenger = ""

    async def predict(self, item: Query, version: str = CHAMPION) -> Prediction[Detection]:
        answered_by = version if ":" in version else f"fake:{self._now(version)}"
        return (await super().predict(item, version))._replace(version=answered_by)

    async def card(self, version: str = CHAMPION) -> ModelCard:
        return ModelCard("fake", self._now(version), CARD.facts)

    def _now(self, role: str) -> str:
        return (role == CHALLENGER and self.challenger) or self.version


class FailingDetector(FakeDetector):
    """Raises the same error whatever it is asked."""

    def __init__(self, error: ModelError) -> None:
        super().__init__()
        self.error = error

    async def predict(self, item: Query, version: str = CHAMPION) -> Prediction[Detection]:
        raise self.error

    async def card(self, version: str = CHAMPION) -> ModelCard:
        raise self.error

    async def check(self) -> str:
        raise self.error


class StuckDetector(FakeDetector):
    """Never answers, and notes what was given up."""

    def __init__(self) -> None:
        super().__init__()
        self.abandoned: list[Query] = []

    async def predict(self, item: Query, version: str = CHAMPION) -> Prediction[Detection]:
        try:
            await asyncio.Event().wait()
        finally:
            self.abandoned.append(item)
        return Prediction(ENGLISH)

    async def check(self) -> str:
        await asyncio.Event().wait()
        return ""


def fake_ports(language: FakeDetector | None = None, **optional: Any) -> Ports:
    """Ports that answer at once, with the given models in place of the usual fakes.

    optional: models that requests can be answered without, by name.
    """
    models = {"language": language or FakeDetector(), **optional}
    others = {name: Contract(name, str, str, required=False, cacheable=False) for name in optional}
    return Ports(models, FakeMeter(), {"language": LANGUAGE, **others})


class FakeTransport:
    """Stands for a model behind a transport: subclasses answer; none does while it is stuck."""

    def __init__(self, *, stuck: bool = False) -> None:
        self.stuck = stuck
        self.made: list[tuple[str, int]] = []
        self.given_up = 0

    def answer(self, method: str, *args: Any) -> Any:
        raise NotImplementedError

    async def call(self, method: str, *args: Any) -> Any:
        self.made.append((method, len(args[0]) if args else 0))
        if self.stuck:
            try:
                await asyncio.Event().wait()
            finally:
                self.given_up += 1
        return self.answer(method, *args)

    async def stream(self, method: str, *args: Any) -> AsyncGenerator[Any, None]:
        yield None

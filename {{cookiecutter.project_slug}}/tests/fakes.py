"""Stand-ins for the ports. Plain classes, so a test reads like the contract."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

from servekit.contracts import CHALLENGER, CHAMPION, ModelError

from acme_service.ports import Detection, LanguageModelCard, Ports, Query

CARD = LanguageModelCard("fake-language", "7", ("de", "en", "fr"))

ENGLISH = Detection(("en", "de", "fr"), (0.75, 0.2, 0.05), CARD.reference)
"""What FakeDetector says of every text that has letters."""


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
    """Finds English in everything that has letters, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Query] = []

    async def detect(self, query: Query) -> Detection:
        self.asked.append(query)
        return ENGLISH if any(map(str.isalpha, query.text)) else Detection(model=CARD.reference)

    async def detect_batch(self, queries: Sequence[Query]) -> list[Detection]:
        return [await self.detect(query) for query in queries]

    async def detect_each(self, queries: Sequence[Query]) -> AsyncIterator[Detection]:
        for query in queries:
            yield await self.detect(query)

    async def guesses(self, query: Query) -> AsyncIterator[Detection]:
        words = query.text.split()
        for length in range(1, max(len(words), 1) + 1):
            yield await self.detect(query._replace(text=" ".join(words[:length])))

    async def card(self, model: str = CHAMPION) -> LanguageModelCard:
        return CARD

    async def check(self) -> str:
        return ""


class ChangingDetector(FakeDetector):
    """A model that is replaced now and then, with a challenger beside it at times."""

    version = "1"
    challenger = ""

    async def detect(self, query: Query) -> Detection:
        answered_by = query.model if query.pinned else f"fake:{self._now(query.model)}"
        return (await super().detect(query))._replace(model=answered_by)

    async def card(self, model: str = CHAMPION) -> LanguageModelCard:
        return LanguageModelCard("fake", self._now(model), CARD.languages)

    def _now(self, model: str) -> str:
        return (model == CHALLENGER and self.challenger) or self.version


class FailingDetector(FakeDetector):
    """Raises the same error whatever it is asked."""

    def __init__(self, error: ModelError) -> None:
        super().__init__()
        self.error = error

    async def detect(self, query: Query) -> Detection:
        raise self.error

    async def card(self, model: str = CHAMPION) -> LanguageModelCard:
        raise self.error

    async def check(self) -> str:
        raise self.error


class StuckDetector(FakeDetector):
    """Never answers, and notes who gave up waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.abandoned: list[Query] = []

    async def detect(self, query: Query) -> Detection:
        try:
            await asyncio.Event().wait()
        finally:
            self.abandoned.append(query)
        return ENGLISH

    async def check(self) -> str:
        await asyncio.Event().wait()
        return ""


def fake_ports(language: FakeDetector | None = None, **optional: object) -> Ports:
    """Ports that answer at once, with the given models in place of the usual fakes.

    optional: models that requests can be answered without, by name.
    """
    models = {"language": language or FakeDetector(), **optional}
    return Ports(models, FakeMeter(), optional)


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

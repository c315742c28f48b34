"""Stand-ins for models of any contract. Plain classes, so a test reads like the contract."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any

from servekit.contracts import (
    CHALLENGER,
    CHAMPION,
    Contract,
    ModelCard,
    ModelError,
    Ports,
    Prediction,
    is_reference,
)


class FakeMeter:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, frozenset[tuple[str, str]]]] = Counter()
        self.observations: list[tuple[str, float]] = []

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        self.counts[name, frozenset(labels.items())] += int(amount)

    def observe(self, name: str, value: float, **labels: str) -> None:
        self.observations.append((name, value))


class FakePredictor:
    """Answers items of a contract with a function, and remembers what it was asked.

    Attributes:
        asked: The items, in order.
        versions: Which version was asked for, one an item of `asked`.

    Args:
        contract: Of the model.
        answer: Makes an output of an input.
        card: By default version 7, without facts.
    """

    def __init__(
        self,
        contract: Contract,
        answer: Callable[[Any], Any] = lambda item: None,
        card: ModelCard | None = None,
    ) -> None:
        self.contract = contract
        self._answer = answer
        self._card = card or ModelCard(contract.name, "7")
        self.asked: list[Any] = []
        self.versions: list[str] = []

    async def predict(self, item: Any, version: str = CHAMPION) -> Prediction[Any]:
        self.asked.append(item)
        self.versions.append(version)
        return Prediction(self._answer(item), self._card.reference)

    async def predict_batch(
        self, items: Sequence[Any], version: str = CHAMPION
    ) -> list[Prediction[Any]]:
        return [await self.predict(item, version) for item in items]

    async def predict_each(
        self, items: Sequence[Any], version: str = CHAMPION
    ) -> AsyncIterator[Prediction[Any]]:
        for item in items:
            yield await self.predict(item, version)

    async def stream(self, item: Any, version: str = CHAMPION) -> AsyncIterator[Prediction[Any]]:
        yield await self.predict(item, version)

    async def card(self, version: str = CHAMPION) -> ModelCard:
        return self._card

    async def check(self) -> str:
        return ""


class ChangingPredictor(FakePredictor):
    """A model that is replaced now and then, with a challenger beside it at times."""

    version = "1"
    challenger = ""

    async def predict(self, item: Any, version: str = CHAMPION) -> Prediction[Any]:
        by = version if is_reference(version) else f"fake:{self._now(version)}"
        return (await super().predict(item, version))._replace(version=by)

    async def card(self, version: str = CHAMPION) -> ModelCard:
        return ModelCard("fake", self._now(version), self._card.facts)

    def _now(self, role: str) -> str:
        return (role == CHALLENGER and self.challenger) or self.version


class FailingPredictor(FakePredictor):
    """Raises the same error whatever it is asked."""

    def __init__(self, error: ModelError, *args: Any) -> None:
        super().__init__(*args)
        self.error = error

    async def predict(self, item: Any, version: str = CHAMPION) -> Prediction[Any]:
        raise self.error

    async def card(self, version: str = CHAMPION) -> ModelCard:
        raise self.error

    async def check(self) -> str:
        raise self.error


class StuckPredictor(FakePredictor):
    """Never answers, and notes what was given up."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.abandoned: list[Any] = []

    async def predict(self, item: Any, version: str = CHAMPION) -> Prediction[Any]:
        try:
            await asyncio.Event().wait()
        finally:
            self.abandoned.append(item)
        raise AssertionError("It never answers.")

    async def check(self) -> str:
        await asyncio.Event().wait()
        return ""


def ports_of(*predictors: FakePredictor) -> Ports:
    """Ports that ask these models."""
    models = {one.contract.name: one for one in predictors}
    contracts = {one.contract.name: one.contract for one in predictors}
    return Ports(models, FakeMeter(), contracts)


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

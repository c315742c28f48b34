"""Ports of models that answer one text at a time, answered by models that run anywhere."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic

from acme_service.api.feature import AroundCall
from acme_service.ports import Meter, Opinion, Question, Sentiment

from .batches import BatchCalls, nothing_around
from .calls import ModelCalls, Pulse
from .gather import Answer, Gatherer, Item
from .models import text_bytes
from .settings import GatherSettings


class GatheringSingles(ABC, Generic[Item, Answer]):
    """Gathers single items into calls.

    name: what callers know the model as.
    method: of the model; it takes items and gives one answer each, in order.
    """

    name: ClassVar[str]
    method: ClassVar[str]

    def __init__(
        self,
        calls: ModelCalls,
        settings: GatherSettings,
        meter: Meter,
        around: AroundCall = nothing_around,
    ) -> None:
        self._calls = calls
        self._pulse = Pulse()
        self._call = BatchCalls(self.name, self.method, calls, meter, around)
        self._gatherer = Gatherer(self.name, self._batch, self.size_bytes, settings, meter)

    @staticmethod
    @abstractmethod
    def size_bytes(item: Item) -> int:
        """What an item weighs in a call, roughly."""

    async def _ask(self, item: Item) -> Answer:
        return await self._gatherer.ask(item)

    async def _batch(self, items: Sequence[Item]) -> list[Answer]:
        answers: list[Answer] = await self._call(items)
        self._pulse.answered()
        return answers

    async def check(self) -> None:
        await self._pulse.check(lambda: self._calls.call("ping"))


class GatheringSentiment(GatheringSingles[str, Sentiment]):
    """A SentimentModel that gathers single texts."""

    name = "sentiment"
    method = "classify_batch"

    @staticmethod
    def size_bytes(item: str) -> int:
        return text_bytes(item)

    async def classify(self, text: str) -> Sentiment:
        return await self._ask(text)


class GatheringOpinion(GatheringSingles[Question, Opinion]):
    """A SecondOpinion that gathers single texts."""

    name = "opinion"
    method = "judge_batch"

    @staticmethod
    def size_bytes(item: Question) -> int:
        return text_bytes(item.text)

    async def judge(self, question: Question) -> Opinion:
        return await self._ask(question)

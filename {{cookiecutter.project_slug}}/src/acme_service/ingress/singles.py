"""Ports of models that answer one text at a time, answered by models that run anywhere."""

from collections.abc import Callable, Sequence
from typing import Generic

from acme_service.api.feature import AroundCall
from acme_service.ports import Meter, Opinion, Question, Sentiment

from .batches import BatchCalls, nothing_around
from .calls import ModelCalls, Pulse
from .gather import Answer, Gatherer, Item
from .models import text_bytes
from .settings import GatherSettings


class GatheringSingles(Generic[Item, Answer]):
    """Gathers single items into calls.

    name: what callers know the model as.
    method: of the model; it takes items and gives one answer each, in order.
    size_bytes: what an item weighs in a call, roughly.
    """

    def __init__(
        self,
        name: str,
        method: str,
        size_bytes: Callable[[Item], int],
        calls: ModelCalls,
        settings: GatherSettings,
        meter: Meter,
        around: AroundCall,
    ) -> None:
        self._calls = calls
        self._pulse = Pulse()
        self._call = BatchCalls(name, method, calls, meter, around)
        self._gatherer = Gatherer(name, self._batch, size_bytes, settings, meter)

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

    def __init__(
        self,
        calls: ModelCalls,
        settings: GatherSettings,
        meter: Meter,
        around: AroundCall = nothing_around,
    ) -> None:
        super().__init__("sentiment", "classify_batch", text_bytes, calls, settings, meter, around)

    async def classify(self, text: str) -> Sentiment:
        return await self._ask(text)


def question_bytes(question: Question) -> int:
    return text_bytes(question.text)


class GatheringOpinion(GatheringSingles[Question, Opinion]):
    """A SecondOpinion that gathers single texts."""

    def __init__(
        self,
        calls: ModelCalls,
        settings: GatherSettings,
        meter: Meter,
        around: AroundCall = nothing_around,
    ) -> None:
        super().__init__("opinion", "judge_batch", question_bytes, calls, settings, meter, around)

    async def judge(self, question: Question) -> Opinion:
        return await self._ask(question)

"""The second detector's port, answered by a model that runs anywhere."""

from collections.abc import Sequence

from acme_service.api.feature import AroundCall
from acme_service.ports import Meter, Opinion, Question

from .batches import BatchCalls, nothing_around
from .calls import ModelCalls, Pulse
from .gather import Gatherer
from .models import text_bytes
from .settings import GatherSettings


def question_bytes(question: Question) -> int:
    return text_bytes(question.text)


class GatheringOpinion:
    """A SecondOpinion that gathers single texts."""

    def __init__(
        self,
        calls: ModelCalls,
        settings: GatherSettings,
        meter: Meter,
        around: AroundCall = nothing_around,
    ) -> None:
        self._calls = calls
        self._pulse = Pulse()
        self._ask = BatchCalls("opinion", "judge_batch", calls, meter, around)
        self._gatherer = Gatherer("opinion", self._batch, question_bytes, settings, meter)

    async def judge(self, question: Question) -> Opinion:
        return await self._gatherer.ask(question)

    async def _batch(self, questions: Sequence[Question]) -> list[Opinion]:
        opinions: list[Opinion] = await self._ask(questions)
        self._pulse.answered()
        return opinions

    async def check(self) -> None:
        await self._pulse.check(lambda: self._calls.call("ping"))

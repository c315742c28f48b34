"""The models that an analysis can do without: gathered like the others, with less patience."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context
from typing import Any

import pytest

from acme_service.api import Feature
from acme_service.api.composition import analyze
from acme_service.ingress.assembly import Models, ports_over
from acme_service.ingress.settings import GatherSettings
from acme_service.ports import (
    Detection,
    LanguageModelCard,
    ModelTimeoutError,
    Opinion,
    Ports,
    Query,
    Question,
    Sentiment,
)

from tests.fakes import FakeMeter

ANSWERS: dict[str, Any] = {
    "detect_batch": Detection(("en",), (0.9,), "calls:1"),
    "judge_batch": Opinion("en", 0.7, "calls:2"),
    "classify_batch": Sentiment("neutral", 0.0),
    "card": LanguageModelCard("calls", "1", ("en",)),
}


class Calls:
    """Stands for a model: answers at once, or never while it is stuck."""

    def __init__(self, *, stuck: bool = False) -> None:
        self.stuck = stuck
        self.made: list[tuple[str, int]] = []
        self.given_up = 0

    async def call(self, method: str, *args: Any) -> Any:
        self.made.append((method, len(args[0]) if args else 0))
        if self.stuck:
            try:
                await asyncio.Event().wait()
            finally:
                self.given_up += 1
        return [ANSWERS[method] for _ in args[0]] if args else ANSWERS.get(method)

    async def stream(self, method: str, *args: Any) -> AsyncGenerator[Any, None]:
        yield None


def ports(
    opinion: Calls, sentiment: Calls | None = None, features: Sequence[Feature] = ()
) -> Ports:
    models = Models(language=Calls(), sentiment=sentiment or Calls(), opinion=opinion)
    return ports_over(models, FakeMeter(), features, GatherSettings.load())


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATHER_OPINION_TIMEOUT_S", "0.02")
    monkeypatch.setenv("GATHER_SENTIMENT_TIMEOUT_S", "0.02")


async def test_questions_that_meet_travel_together() -> None:
    calls = Calls()
    judging = [ports(calls).opinion] * 3
    opinions = await asyncio.gather(*(one.judge(Question("fine")) for one in judging))
    assert (opinions, calls.made) == ([ANSWERS["judge_batch"]] * 3, [("judge_batch", 3)])


async def test_features_are_put_around_a_call_for_opinions() -> None:
    around: list[str] = []

    @contextmanager
    def note(model: str, _: Sequence[Context]) -> Iterator[None]:
        around.append(model)
        yield

    await ports(Calls(), features=[Feature(name="note", around_call=note)]).opinion.judge(
        Question("fine")
    )
    assert around == ["opinion"]


@pytest.mark.usefixtures("impatient")
async def test_what_is_late_is_given_up_by_its_own_limit_and_stopped() -> None:
    calls = Calls(stuck=True)
    with pytest.raises(ModelTimeoutError):
        await ports(calls).opinion.judge(Question("fine"))
    await asyncio.sleep(0)
    assert calls.given_up == 1


@pytest.mark.usefixtures("impatient")
async def test_an_analysis_whose_other_members_are_stuck_is_answered_by_the_own_model() -> None:
    async with asyncio.timeout(5):
        analysis = await analyze(ports(Calls(stuck=True), Calls(stuck=True)), Query("fine"))
    assert (analysis.language, analysis.score, analysis.sentiment) == ("en", 0.9, None)
    assert analysis.missing == ["opinion", "sentiment"]


def test_what_is_asked_after_another_waits_half_as_long_at_most() -> None:
    settings = GatherSettings(timeout_s=4)
    assert settings.within(1.0).timeout_s == 1.0
    assert settings.within(3.0).timeout_s == 2.0


async def test_a_model_that_answers_its_ping_is_ready() -> None:
    calls = Calls()
    both = ports(calls)
    await both.opinion.check()
    assert calls.made == [("ping", 0)]

"""The optional models of an analysis: batched like the others, with a shorter time limit."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context
from typing import Any

import pytest

from servekit.api import Feature
from servekit.contracts import ModelCard, ModelTimeoutError, Ports, Prediction
from servekit.serving.settings import BatcherSettings
from servekit.testing.fakes import FakeMeter, FakeTransport

from acme_service.api.composition.ensemble import analyze
from acme_service.app import WIRING
from acme_service.contracts.language import Query
from acme_service.contracts.opinion import Opinion, Question
from acme_service.contracts.sentiment import Sentiment

from tests.fakes import detection

OPINION = Opinion("en", 0.7, "calls:2")
DETECTION = detection(en=0.9)


class Calls(FakeTransport):
    """Gives one answer to everything that a method is asked."""

    def __init__(self, value: Any = None, *, stuck: bool = False) -> None:
        super().__init__(stuck=stuck)
        self.value = value

    def answer(self, method: str, *args: Any) -> Any:
        if method == "card":
            return ModelCard("calls", "1")
        return [Prediction(self.value, "calls:1") for _ in args[0]]


def ports(
    opinion: Calls | None = None,
    sentiment: Calls | None = None,
    features: Sequence[Feature] = (),
) -> Ports:
    calls = {
        "language": Calls(DETECTION),
        "sentiment": sentiment or Calls(Sentiment("neutral", 0.0)),
        "opinion": opinion or Calls(OPINION),
    }
    return WIRING.ports(calls, FakeMeter(), features, BatcherSettings())


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPOSITION_OPINION_TIMEOUT_S", "0.02")
    monkeypatch.setenv("COMPOSITION_SENTIMENT_TIMEOUT_S", "0.02")


async def test_members_are_asked_in_calls_of_their_own_with_features_around() -> None:
    around: list[str] = []

    @contextmanager
    def note(model: str, _: Sequence[Context]) -> Iterator[None]:
        around.append(model)
        yield

    opinion = Calls(OPINION)
    analyzing = ports(opinion, features=[Feature(name="note", around_call=note)])
    analyses = await asyncio.gather(
        *(analyze(analyzing, analyzing.models["language"], Query(text)) for text in "abc")
    )
    assert [one.votes[1].model for one in analyses] == [OPINION.model] * 3
    assert {one.sentiment for one in analyses} == {Sentiment("neutral", 0.0)}
    assert opinion.made == [("predict_batch", 3)]
    assert around == ["language", "opinion", "sentiment"]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("member", "item"), [("opinion", Question("fine")), ("sentiment", "fine")])
async def test_a_member_that_is_late_is_given_up_by_its_own_limit(member: str, item: Any) -> None:
    calls = Calls(stuck=True)
    with pytest.raises(ModelTimeoutError):
        await ports(calls, calls).models[member].predict(item)
    await asyncio.sleep(0)
    assert calls.given_up == 1


@pytest.mark.usefixtures("impatient")
async def test_an_analysis_whose_other_members_are_stuck_is_answered() -> None:
    stuck = ports(Calls(stuck=True), Calls(stuck=True))
    async with asyncio.timeout(5):
        analysis = await analyze(stuck, stuck.models["language"], Query("fine"))
    assert (analysis.language, analysis.score, analysis.sentiment) == ("en", 0.9, None)
    assert analysis.missing == ["opinion", "sentiment"]


async def test_members_are_optional() -> None:
    assert {*ports().optional} == {"opinion", "sentiment"}

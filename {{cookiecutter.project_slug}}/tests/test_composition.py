"""Who is asked what, how votes are counted, and what happens without a member."""

import asyncio

import pytest
from fastapi.testclient import TestClient
from starlette.requests import HTTPConnection

from servekit.api import Feature
from servekit.api.canary import CanarySettings, position
from servekit.api.readiness import NO_ANSWER
from servekit.contracts import (
    CHALLENGER,
    CHAMPION,
    ModelError,
    ModelOverloadedError,
    ModelTimeoutError,
    ModelUnavailableError,
    Ports,
    Prediction,
    key_of,
)
from servekit.settings import SettingsError
from servekit.testing.fakes import FakeMeter

from acme_service import features as wiring
from acme_service.api.composition import composition
from acme_service.api.composition.ensemble import Analysis, Vote, analyze, elect
from acme_service.app import WIRING
from acme_service.contracts.language import UNDETERMINED, Query
from acme_service.contracts.opinion import Opinion, Question

from tests.fakes import FailingDetector, FakeDetector, StuckDetector, create_app
from tests.features.composition_models import FailingMember, FakeOpinion, composed

TEXT = {"text": "fine"}
ERRORS = [ModelError, ModelOverloadedError, ModelTimeoutError, ModelUnavailableError]


async def analyzed(ports: Ports, query: Query) -> Analysis:
    return await analyze(ports, ports.models["language"], query)


def client_of(ports: Ports, *features: Feature) -> TestClient:
    app = create_app(ports, [*features, composition()])
    return TestClient(app, raise_server_exceptions=False)


def test_it_is_enabled() -> None:
    assert "composition" in [feature.name for feature in wiring.features()]


@pytest.mark.parametrize("member", ["OPINION", "SENTIMENT"])
def test_a_setting_that_is_wrong_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, member: str
) -> None:
    monkeypatch.setenv(f"COMPOSITION_{member}_TIMEOUT_S", "0")
    with pytest.raises(SettingsError, match=f"COMPOSITION_{member}_TIMEOUT_S"):
        WIRING.check()


def test_its_route_is_behind_the_guards() -> None:
    async def refuse(_: HTTPConnection) -> None:
        raise ModelOverloadedError("Not now.")

    ports = composed()
    refusing = Feature(name="guard", guards=[refuse])
    assert client_of(ports, refusing).post("/v1/analyze", json=TEXT).status_code == 503
    assert ports.models["sentiment"].asked == []


def test_analyses_have_both_sides_of_a_canary() -> None:
    detector = FakeDetector()
    canary = CanarySettings(fraction=0.5)
    client = TestClient(create_app(composed(detector), [composition()], canary=canary))
    texts = [f"text {number}" for number in range(20)]
    for text in texts:
        assert client.post("/v1/analyze", json={"text": text}).is_success
    keys = [key_of(Query(text)) for text in texts]
    sides = [CHALLENGER if position([key]) < 0.5 else CHAMPION for key in keys]
    assert detector.versions == sides
    assert {*sides} == {CHALLENGER, CHAMPION}


def elected(*votes: tuple[str, float], query: Query | None = None) -> tuple[str, float]:
    return elect([Vote("a model", *vote) for vote in votes], query or Query("text"))


def test_those_who_agree_win_with_the_mean_of_their_scores() -> None:
    assert elected(("de", 0.8), ("de", 0.6)) == ("de", 0.7)


def test_disagreement_goes_to_the_surer_vote_at_a_lower_score() -> None:
    assert elected(("de", 0.6), ("nl", 0.8)) == ("nl", 0.4)


def test_two_who_agree_outvote_a_surer_one() -> None:
    assert elected(("nl", 0.8), ("de", 0.5), ("de", 0.5))[0] == "de"


def test_undetermined_votes_do_not_count() -> None:
    assert elected((UNDETERMINED, 0.0), ("el", 0.9)) == ("el", 0.9)
    assert elected((UNDETERMINED, 0.0), (UNDETERMINED, 0.0)) == (UNDETERMINED, 0.0)
    assert elected() == (UNDETERMINED, 0.0)


def test_a_tie_goes_to_the_preferred_then_to_the_first_vote() -> None:
    close = [("de", 0.61), ("nl", 0.62)]
    assert elected(*close)[0] == "de"
    assert elected(*close, query=Query("", preferred=("fr", "nl")))[0] == "nl"
    assert elected(("de", 0.6), ("nl", 0.62), query=Query("", preferred=("de",)))[0] == "nl"
    assert elected(("de", 0.5), ("nl", 0.5))[0] == "de"


def test_votes_for_excluded_languages_count_only_alone() -> None:
    query = Query("", allowed=("de", "en"))
    assert elected(("de", 0.3), ("nl", 0.9), query=query) == ("de", 0.3)
    assert elected(("fr", 0.3), ("nl", 0.9), query=query)[0] == "nl"


async def test_both_detectors_get_the_same_restriction() -> None:
    opinion = FakeOpinion()
    await analyzed(composed(opinion=opinion), Query("fine", allowed=("en", "fr")))
    assert opinion.asked == [Question("fine", ("en", "fr"))]


async def test_both_detectors_are_asked_at_the_same_time() -> None:
    met = asyncio.Barrier(2)

    class First(FakeDetector):
        async def predict(self, item: Query, version: str = CHAMPION):
            await met.wait()
            return await super().predict(item, version)

    class Second(FakeOpinion):
        async def predict(self, question: Question):
            await met.wait()
            return await super().predict(question)

    async with asyncio.timeout(5):
        await analyzed(composed(First(), opinion=Second()), Query("fine"))


def test_the_answer_says_who_voted_what() -> None:
    answer = client_of(composed()).post("/v1/analyze", json=TEXT)
    assert answer.json() == {
        "language": "en",
        "score": 0.5,
        "sentiment": {"label": "positive", "score": 0.5},
        "votes": [
            {"model": "fake-language:7", "language": "en", "score": 0.75},
            {"model": "fake-opinion:1", "language": "en", "score": 0.25},
        ],
        "missing": [],
    }
    assert answer.headers["x-model"] == "fake-language:7"


def test_only_texts_that_are_english_by_vote_reach_the_sentiment_model() -> None:
    ports = composed(opinion=FakeOpinion("de", 0.9))
    answer = client_of(ports).post("/v1/analyze", json=TEXT).json()
    assert (answer["language"], answer["sentiment"], answer["missing"]) == ("de", None, [])
    assert ports.models["sentiment"].asked == []


def test_a_text_without_letters_does_not_reach_it_either() -> None:
    ports = composed()
    client = client_of(ports)
    client.post("/v1/analyze", json={"text": "12"})
    client.post("/v1/analyze", json=TEXT)
    assert ports.models["sentiment"].asked == ["fine"]


@pytest.mark.parametrize("error", ERRORS)
def test_without_the_second_detector_the_own_model_decides(error: type[ModelError]) -> None:
    ports = composed(opinion=FailingMember(error("It is in trouble.")))
    answer = client_of(ports).post("/v1/analyze", json=TEXT)
    body = answer.json()
    assert (answer.status_code, body["language"], body["score"]) == (200, "en", 0.75)
    assert [vote["model"] for vote in body["votes"]] == ["fake-language:7"]
    assert body["missing"] == ["opinion"]
    assert misses(ports.meter) == {"opinion": 1}


@pytest.mark.parametrize("error", ERRORS)
def test_without_the_sentiment_model_there_is_still_a_language(error: type[ModelError]) -> None:
    ports = composed(sentiment=FailingMember(error("It is in trouble.")))
    answer = client_of(ports).post("/v1/analyze", json=TEXT)
    body = answer.json()
    assert (answer.status_code, body["language"], body["sentiment"]) == (200, "en", None)
    assert body["missing"] == ["sentiment"]
    assert misses(ports.meter) == {"sentiment": 1}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ModelOverloadedError, 503),
        (ModelUnavailableError, 503),
        (ModelTimeoutError, 504),
        (ModelError, 500),
    ],
)
def test_without_the_own_model_there_is_no_answer(error: type[ModelError], status: int) -> None:
    ports = composed(FailingDetector(error("It is in trouble.")))
    answer = client_of(ports).post("/v1/analyze", json=TEXT)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers.get("retry-after") == ("1" if status == 503 else None)


async def test_a_client_that_hangs_up_cancels_the_members() -> None:
    left: list[str] = []

    class Stuck(FakeOpinion):
        async def predict(self, question: Question) -> Prediction[Opinion]:
            try:
                await asyncio.Event().wait()
            finally:
                left.append(question.text)
            return Prediction(self.opinion)

    language = StuckDetector()
    asking = asyncio.create_task(analyzed(composed(language, opinion=Stuck()), Query("fine")))
    await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.wait([asking])
    await asyncio.sleep(0)
    assert (left, [query.text for query in language.abandoned]) == (["fine"], ["fine"])


@pytest.mark.parametrize("member", ["opinion", "sentiment"])
def test_a_member_that_is_missing_is_a_note_and_makes_nothing_unready(member: str) -> None:
    away = FailingMember(ModelUnavailableError("away"))
    ports = composed(opinion=away) if member == "opinion" else composed(sentiment=away)
    answer = client_of(ports).get("/health/ready")
    note = NO_ANSWER
    assert (answer.status_code, answer.json()["notes"]) == (200, {member: note})


def misses(meter: object) -> dict[str, int]:
    assert isinstance(meter, FakeMeter)
    return {
        dict(labels)["member"]: count
        for (name, labels), count in meter.counts.items()
        if name == "analysis_missing_total"
    }

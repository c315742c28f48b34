"""The feature `cache` while models change: an answer is that of the version that was asked."""

import asyncio

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from servekit.api.canary import CanarySettings
from servekit.contracts import CHALLENGER, CHAMPION, Prediction, Predictor
from servekit.features.cache import cache
from servekit.features.cache.settings import CacheSettings

from acme_service import SLUG
from acme_service.contracts.language import Detection, Query

from tests.fakes import ChangingDetector, create_app, fake_ports

HIT = "acme-service; hit"
MISS = "acme-service; fwd=miss"
PARTIAL = "acme-service; fwd=partial"


Asking = Predictor[Query, Detection]


def cached(detector: ChangingDetector) -> Asking:
    return cache(CacheSettings(), service=SLUG).wrap(fake_ports(detector)).models["language"]


async def asked(asking: Asking, model: str, text: str = "a") -> str:
    return (await asking.predict(Query(text), model)).version


@pytest.fixture
def detector() -> ChangingDetector:
    detector = ChangingDetector()
    detector.challenger = "2"
    return detector


async def test_champion_and_challenger_have_their_own_answers(detector: ChangingDetector) -> None:
    asking = cached(detector)
    for _ in range(3):
        assert await asked(asking, "") == "fake:1"
        assert await asked(asking, CHALLENGER) == "fake:2"
    assert len(detector.asked) == 2


async def test_where_there_is_no_challenger_both_share_their_answers() -> None:
    detector = ChangingDetector()
    asking = cached(detector)
    await asked(asking, "", "a")
    await asked(asking, CHALLENGER, "b")
    before = len(detector.asked)
    assert {await asked(asking, model, text) for model in ("", CHALLENGER) for text in "ab"} == {
        "fake:1"
    }
    assert len(detector.asked) == before


async def test_a_new_challenger_gives_its_own_answers(detector: ChangingDetector) -> None:
    asking = cached(detector)
    assert await asked(asking, CHALLENGER) == "fake:2"
    detector.challenger = "3"
    assert await asked(asking, CHALLENGER) == "fake:3"
    detector.challenger = ""
    assert await asked(asking, CHALLENGER) == "fake:1"


async def test_a_promoted_challenger_keeps_its_answers(detector: ChangingDetector) -> None:
    asking = cached(detector)
    await asked(asking, "", "b")
    await asked(asking, CHALLENGER, "a")
    detector.version = "2"
    assert await asked(asking, "", "a") == "fake:2"
    assert await asked(asking, "", "a") == "fake:2"
    assert [query.text for query in detector.asked].count("a") <= 2


async def test_a_version_that_is_named_is_looked_up_under_its_name(
    detector: ChangingDetector,
) -> None:
    asking = cached(detector)
    for _ in range(2):
        assert await asked(asking, "fake:7") == "fake:7"
    assert len(detector.asked) == 1
    assert await asked(asking, "") == "fake:1"
    assert await asked(asking, "fake:1") == "fake:1"
    assert len(detector.asked) == 2


async def test_equal_questions_to_two_versions_at_once_are_two_questions(
    detector: ChangingDetector,
) -> None:
    asking = cached(detector)
    answers = await asyncio.gather(asked(asking, ""), asked(asking, CHALLENGER))
    assert answers == ["fake:1", "fake:2"]


class Swapping(ChangingDetector):
    """Is replaced between the moment it says who it is and the moment it answers."""

    swaps = False

    async def predict(self, item: Query, version: str = CHAMPION) -> Prediction[Detection]:
        if self.swaps:
            self.version = "2"
        return await super().predict(item, version)


@pytest.mark.parametrize("way", ["predict_batch", "predict_each"])
async def test_a_batch_never_mixes_cached_answers_of_other_versions(way: str) -> None:
    detector = Swapping()
    asking = cached(detector)
    known = [Query("a"), Query("b")]
    await asking.predict_batch(known)
    detector.swaps = True
    many = [known[0], Query("c"), known[1], Query("d"), Query("c")]
    if way == "predict_batch":
        answers = await asking.predict_batch(many)
    else:
        answers = [one async for one in asking.predict_each(many)]
    assert [one.version for one in answers] == ["fake:2"] * 5
    # And nothing of the first version is taken for the second one's.
    assert [one.version for one in await asking.predict_batch(many)] == ["fake:2"] * 5


class Service:
    def __init__(self, detector: ChangingDetector, fraction: float = 0.0) -> None:
        app = create_app(
            fake_ports(detector),
            [cache(CacheSettings(), service=SLUG)],
            canary=CanarySettings(fraction=fraction),
        )
        self.client = TestClient(app)

    def ask(self, *texts: str, route: str = "/v1/detect/batch", **headers: str) -> Response:
        return self.client.post(
            route, json={"items": [{"text": text} for text in texts]}, headers=headers
        )


def test_a_remembered_answer_names_the_version_that_gave_it(detector: ChangingDetector) -> None:
    service = Service(detector)

    def said() -> tuple[str, str]:
        headers = service.ask("a").headers
        return headers["cache-status"], headers["x-model"]

    assert [said(), said()] == [(MISS, "fake:1"), (HIT, "fake:1")]
    detector.version = "3"
    assert [said(), said()] == [(MISS, "fake:3"), (HIT, "fake:3")]


def test_champion_and_challenger_share_no_cached_answer(
    detector: ChangingDetector,
) -> None:
    service = Service(detector, fraction=0.5)
    sides: dict[str, set[tuple[str, str]]] = {}
    for key in [f"key {number}" for number in range(10)] * 3:
        headers = service.ask("a", **{"X-Canary-Key": key}).headers
        sides.setdefault(key, set()).add((headers["x-model"], headers["cache-status"]))
    models = [{model for model, _ in side} for side in sides.values()]
    assert sorted(map(len, models)) == [1] * 10
    assert set.union(*models) == {"fake:1", "fake:2"}
    assert len(detector.asked) == 2


def test_what_was_of_no_use_is_no_hit() -> None:
    detector = Swapping()
    service = Service(detector)
    service.ask("a", "b")
    detector.swaps = True
    for route in ("/v1/detect/batch", "/v1/detect/lines"):
        response = service.ask("a", "b", f"new {route}", route=route)
        assert response.headers["x-model"] == "fake:2"
    assert response.headers["cache-status"].startswith(PARTIAL)
    assert service.ask("a").headers["cache-status"] == HIT

"""The feature `cache`, in memory and with fake models."""

import asyncio
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from servekit.contracts import (
    CHAMPION,
    ModelCard,
    ModelError,
    ModelTimeoutError,
    ModelUnavailableError,
    Ports,
    Prediction,
    Predictor,
)
from servekit.features.cache import cache, store
from servekit.features.cache.settings import CacheSettings
from servekit.settings import SettingsError
from servekit.testing.fakes import FakeMeter

from acme_service import SLUG
from acme_service import features as wiring
from acme_service.contracts.language import Detection, Query

from tests.fakes import (
    ENGLISH,
    ChangingDetector,
    FailingDetector,
    FakeDetector,
    StuckDetector,
    create_app,
    fake_ports,
)

HIT = "acme-service; hit"
MISS = "acme-service; fwd=miss"
PARTIAL = "acme-service; fwd=partial"


def ports_over(detector: FakeDetector, **settings: Any) -> Ports:
    return cache(CacheSettings.model_validate(settings), service=SLUG).wrap(fake_ports(detector))


def cached(detector: FakeDetector, **settings: Any) -> Predictor[Query, Detection]:
    return ports_over(detector, **settings).models["language"]


def counted(ports: Ports) -> dict[str, int]:
    assert isinstance(ports.meter, FakeMeter)
    return {name: amount for (name, _), amount in ports.meter.counts.items()}


class Service:
    """The API with the cache, and what its model was asked."""

    def __init__(self) -> None:
        self.detector = FakeDetector()
        self.client = TestClient(
            create_app(fake_ports(self.detector), [cache(CacheSettings(), service=SLUG)])
        )

    def ask(self, text: str, control: str = "", route: str = "/v1/detect") -> Response:
        headers = {"Cache-Control": control} if control else {}
        return self.client.post(route, json={"text": text}, headers=headers)

    def ask_many(self, *texts: str, route: str = "/v1/detect/batch") -> Response:
        return self.client.post(route, json={"items": [{"text": text} for text in texts]})

    @property
    def asked(self) -> list[str]:
        return [query.text for query in self.detector.asked]


def test_no_caller_is_told_what_others_asked_unless_a_setting_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CACHE_STATUS")
    service = Service()
    answers = [service.ask("the same") for _ in range(2)]
    assert service.asked == ["the same"]
    assert ["cache-status" in one.headers for one in answers] == [False, False]
    assert answers[0].headers.keys() == answers[1].headers.keys()


@pytest.fixture(scope="module")
def service() -> Service:
    # Applications build their routes at the first request, so the tests share one, and each has
    # texts of its own.
    return Service()


class Slow(FakeDetector):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.told = asyncio.Event()

    async def predict(self, item: Query, version: str = CHAMPION) -> Prediction[Detection]:
        answer = await super().predict(item, version)
        await self.told.wait()
        return answer


def test_it_is_enabled() -> None:
    assert "cache" in [feature.name for feature in wiring.features()]


def test_the_second_answer_is_the_first_again_and_says_so(service: Service) -> None:
    first, second = service.ask("again"), service.ask("again")
    assert first.json() == second.json()
    assert (first.headers["cache-status"], second.headers["cache-status"]) == (MISS, HIT)
    assert service.asked.count("again") == 1


def test_no_cache_asks_the_model_and_remembers_its_answer(service: Service) -> None:
    service.ask("fresh")
    fresh = service.ask("fresh", "max-age=0, No-Cache")
    assert fresh.headers["cache-status"] == "acme-service; fwd=request"
    assert service.asked.count("fresh") == 2
    assert service.ask("fresh").headers["cache-status"] == HIT


def test_no_store_leaves_nothing_behind(service: Service) -> None:
    service.ask("secret", "no-store")
    assert service.ask("secret").headers["cache-status"] == MISS


@pytest.mark.parametrize("control", ["max-age=0", "no-cache", "no-store"])
def test_a_directive_counts_on_whichever_line_it_stands(service: Service, control: str) -> None:
    text = f"on the second line: {control}"
    service.ask(text)
    lines = [("Cache-Control", "no-transform"), ("Cache-Control", control)]
    fresh = service.client.post("/v1/detect", json={"text": text}, headers=lines)
    assert fresh.headers["cache-status"] == "acme-service; fwd=request"


def test_of_a_batch_only_what_is_new_goes_to_the_model_and_once(service: Service) -> None:
    service.ask_many("one", "two")
    before = len(service.asked)
    partly = service.ask_many("two", "three", "1", "three", "one", "four")
    assert service.asked[before:] == ["three", "1", "four"]
    assert partly.headers["cache-status"] == f'{PARTIAL}; detail="2 of 6"'
    answers = [one["language"] for one in partly.json()["results"]]
    assert answers == ["en", "en", "und", "en", "en", "en"]
    assert service.ask_many("one", "two", "three").headers["cache-status"] == HIT


def test_a_batch_and_a_single_text_share_their_answers(service: Service) -> None:
    service.ask("shared")
    assert service.ask_many("shared").headers["cache-status"] == HIT


def test_lines_come_in_order_and_only_what_is_new_is_asked(service: Service) -> None:
    service.ask_many("first", "third")
    before = len(service.asked)
    response = service.ask_many("first", "2", "third", "fourth", route="/v1/detect/lines")
    assert service.asked[before:] == ["2", "fourth"]
    assert '"und"' in response.text.splitlines()[1]
    assert response.headers["cache-status"] == f'{PARTIAL}; detail="2 of 4"'
    again = service.ask_many("first", "2", "third", "fourth", route="/v1/detect/lines")
    assert (again.text, again.headers["cache-status"]) == (response.text, HIT)


def test_what_asks_no_model_says_nothing(service: Service) -> None:
    assert "cache-status" not in service.client.get("/v1/languages").headers


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Query("a"), Query("b"), False),
        (Query("a", ("de", "en")), Query("a", ("de", "en")), True),
        (Query("a", ("de",)), Query("a"), False),
        (Query("a", (), ("de", "en")), Query("a", (), ("en", "de")), False),
        (Query("a", ("de",)), Query("a", (), ("de",)), False),
        (Query("('de',)()a"), Query("a", ("de",)), False),
    ],
)
async def test_equal_questions_are_those_with_equal_answers(
    one: Query, other: Query, same: bool
) -> None:
    detector = FakeDetector()
    asking = cached(detector)
    await asking.predict(one)
    await asking.predict(other)
    assert len(detector.asked) == (1 if same else 2)


async def test_a_model_change_is_never_answered_from_before() -> None:
    detector = ChangingDetector()
    asking = cached(detector)
    assert (await asking.predict(Query("a"))).version == "fake:1"
    detector.version = "2"
    assert (await asking.predict(Query("a"))).version == "fake:2"
    assert [one.version for one in await asking.predict_batch([Query("a"), Query("b")])] == [
        "fake:2"
    ] * 2
    detector.version = "1"
    assert (await asking.predict(Query("a"))).version == "fake:1"
    assert len(detector.asked) == 3, "The first version's answer was still known."


async def test_an_answer_is_kept_for_the_model_that_gave_it() -> None:
    class RollingOut(ChangingDetector):
        """The new version already says who it is, while the old one still answers."""

        async def card(self, version: str = CHAMPION) -> ModelCard:
            return ModelCard("fake", "2")

    detector = RollingOut()
    asking = cached(detector)
    assert (await asking.predict(Query("a"))).version == "fake:1"
    detector.version = "2"
    assert (await asking.predict(Query("a"))).version == "fake:2"


async def test_an_answer_of_an_unknown_model_is_not_kept() -> None:
    class Nameless(FakeDetector):
        async def predict(self, item: Query, version: str = CHAMPION) -> Prediction[Detection]:
            return (await super().predict(item, version))._replace(version="")

    detector = Nameless()
    asking = cached(detector)
    assert await asking.predict(Query("a")) == await asking.predict(Query("a"))
    assert len(detector.asked) == 2


async def test_equal_questions_at_the_same_time_are_asked_once() -> None:
    detector = Slow()
    asking = cached(detector)
    waiting = [asyncio.create_task(asking.predict(Query("a"))) for _ in range(20)]
    await asyncio.sleep(0.01)
    detector.told.set()
    assert [one.value for one in await asyncio.gather(*waiting)] == [ENGLISH] * 20
    assert len(detector.asked) == 1


async def test_cancelling_the_first_request_keeps_the_others() -> None:
    detector = Slow()
    asking = cached(detector)
    first, *others = [asyncio.create_task(asking.predict(Query("a"))) for _ in range(5)]
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0.01)
    detector.told.set()
    assert [one.value for one in await asyncio.gather(*others)] == [ENGLISH] * 4
    assert len(detector.asked) == 1
    assert first.cancelled()


async def test_when_all_leave_the_model_is_left_too() -> None:
    detector = StuckDetector()
    asking = cached(detector)
    waiting = [asyncio.create_task(asking.predict(Query("a"))) for _ in range(3)]
    await asyncio.sleep(0.01)
    for one in waiting:
        one.cancel()
    newcomer = asyncio.create_task(asking.predict(Query("a")))
    await asyncio.sleep(0.01)
    assert detector.abandoned == [Query("a")]
    assert not newcomer.done(), "It asks anew."
    newcomer.cancel()
    await asyncio.gather(newcomer, *waiting, return_exceptions=True)


async def test_concurrent_failures_are_separate_and_not_cached() -> None:
    detector = FailingDetector(ModelUnavailableError("away"))
    asking = cached(detector)
    waiting = [asking.predict(Query("a")) for _ in range(3)]
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert [repr(error) for error in errors] == ["ModelUnavailableError('away')"] * 3
    assert len(set(map(id, errors))) == 3
    detector.error = ModelTimeoutError("late")
    with pytest.raises(ModelTimeoutError):
        await asking.predict(Query("a"))


class DetailedError(ModelError):
    """Cannot be made again of its arguments."""

    def __init__(self, detail: str, number: int) -> None:
        super().__init__(detail)


async def test_an_error_that_cannot_be_copied_keeps_no_request_waiting() -> None:
    asking = cached(FailingDetector(DetailedError("away", 1)))
    for _ in range(2):
        with pytest.raises(TypeError):
            await asyncio.wait_for(asking.predict(Query("a")), 1)


async def test_memory_is_bounded_and_forgets_what_is_not_asked() -> None:
    detector = FakeDetector()
    asking = cached(detector, max_entries=2)
    for text in ("a", "b", "a", "c", "a", "b"):
        await asking.predict(Query(text))
    assert [query.text for query in detector.asked] == ["a", "b", "c", "b"]


async def test_answers_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = FakeDetector()
    asking = cached(detector, ttl_s=60)
    await asking.predict(Query("a"))
    later = asyncio.get_running_loop().time() + 61
    monkeypatch.setattr(store, "monotonic", lambda: later)
    await asking.predict(Query("a"))
    assert len(detector.asked) == 2


async def test_hits_and_misses_are_counted() -> None:
    ports = ports_over(FakeDetector())
    await ports.models["language"].predict(Query("a"))
    await ports.models["language"].predict_batch([Query("a"), Query("b"), Query("c")])
    await ports.models["language"].predict(Query("b"))
    assert counted(ports) == {"cache_hits_total": 2, "cache_misses_total": 3}


async def test_guesses_and_the_card_come_from_the_model() -> None:
    detector = FakeDetector()
    asking = cached(detector)
    for _ in range(2):
        assert [guess.value async for guess in asking.stream(Query("a b"))] == [ENGLISH] * 2
    assert len(detector.asked) == 4
    assert (await asking.card()).reference == "fake-language:7"
    await asking.check()


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("CACHE_URL", "memcached://host", "CACHE_URL: the address of a Redis, such as redis://"),
        ("CACHE_URL", "redis://:s3cret@host:port/0", "CACHE_URL: the address of a Redis, such as"),
        ("CACHE_MAX_ENTRIES", "0", "CACHE_MAX_ENTRIES: input should be greater than or equal to 1"),
        ("CACHE_TTL_S", "forever", "CACHE_TTL_S: input should be a valid integer"),
        ("CACHE_TIMEOUT_S", "0", "CACHE_TIMEOUT_S: input should be greater than 0"),
    ],
)
def test_a_malformed_setting_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=sentence) as refused:
        cache(service=SLUG)
    assert "s3cret" not in str(refused.value)


def test_the_password_in_the_url_shows_up_nowhere() -> None:
    assert "s3cret" not in repr(CacheSettings.model_validate({"url": "redis://:s3cret@host:1"}))

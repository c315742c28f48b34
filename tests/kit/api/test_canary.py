"""Who asks the challenger, and that they keep to it."""

import pytest
from fastapi.testclient import TestClient
from starlette.requests import HTTPConnection

from servekit.api import Feature
from servekit.api.canary import CanarySettings, position
from servekit.api.principal import Principal
from servekit.contracts import CHALLENGER, CHAMPION, key_of
from servekit.settings import SettingsError

from acme_service.app import WIRING
from acme_service.contracts.language import Query

from tests.fakes import ChangingDetector, FakeDetector, create_app, fake_ports

KEYS = [f"caller {number}" for number in range(10_000)]


class Service:
    """The API with a canary, whose callers say who they are in a header."""

    def __init__(self, fraction: float, detector: FakeDetector | None = None) -> None:
        async def guard(connection: HTTPConnection) -> None:
            if name := connection.headers.get("x-caller"):
                connection.state.caller = Principal(name)

        self.detector = detector or FakeDetector()
        canary = CanarySettings(fraction=fraction)
        ports, features = fake_ports(self.detector), [Feature(name="guard", guards=[guard])]
        self.client = TestClient(create_app(ports, features, canary=canary))

    def asked(self, text: str = "fine", **headers: str) -> str:
        """Who has to answer a text that comes with these headers."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        assert self.client.post("/v1/detect", json={"text": text}, headers=names).is_success
        return self.detector.versions[-1]

    def asked_all(self, route: str, *texts: str) -> set[str]:
        assert self.client.post(
            route, json={"items": [{"text": text} for text in texts]}
        ).is_success
        return {*self.detector.versions[-len(texts) :]}


@pytest.fixture(scope="module")
def half() -> Service:
    # Applications build their routes at the first request, so the tests share one.
    return Service(0.5)


HERE = next(key for key in KEYS if position([key]) < 0.5)
THERE = next(key for key in KEYS if position([key]) >= 0.5)
"""One that is drawn where the fraction is a half, and one that is not."""


ASKED_HERE = next(key for key in KEYS if position([key_of(Query(key))]) < 0.5)
ASKED_THERE = next(key for key in KEYS if position([key_of(Query(key))]) >= 0.5)


@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.5, 0.9])
def test_the_challenger_gets_its_share(fraction: float) -> None:
    drawn = sum(position([key]) < fraction for key in KEYS)
    deviation = (len(KEYS) * fraction * (1 - fraction)) ** 0.5
    assert abs(drawn - len(KEYS) * fraction) < 4 * deviation


def test_a_growing_fraction_moves_no_caller_back() -> None:
    before: set[str] = set()
    for percent in range(0, 101, 5):
        drawn = {key for key in KEYS if position([key]) < percent / 100}
        assert before <= drawn
        before = drawn
    assert before == {*KEYS}


def test_positions_are_the_same_in_every_process_and_release() -> None:
    assert [round(position([key]), 6) for key in ("alice", "bob")] == [0.604561, 0.602299]


@pytest.mark.parametrize(("key", "model"), [(HERE, CHALLENGER), (THERE, CHAMPION)])
def test_a_known_caller_keeps_to_one_side_whatever_is_asked(
    half: Service, key: str, model: str
) -> None:
    other = {HERE: THERE, THERE: HERE}[key]
    asked = {half.asked(text, x_caller=key, x_canary_key=other) for text in KEYS[:20]}
    assert asked == {model}


@pytest.mark.parametrize(("key", "model"), [(HERE, CHALLENGER), (THERE, CHAMPION)])
def test_anonymous_callers_follow_their_canary_key(half: Service, key: str, model: str) -> None:
    assert {half.asked(text, x_canary_key=key) for text in KEYS[:20]} == {model}


def test_of_a_key_only_the_beginning_counts(half: Service) -> None:
    long = "k" * 200
    assert half.asked(x_canary_key=long) == half.asked(x_canary_key=f"{long}{'z' * 5000}")


def test_without_a_key_the_same_question_goes_to_the_same_side(half: Service) -> None:
    assert [half.asked(text) for text in (ASKED_HERE, ASKED_THERE)] * 2 == [
        CHALLENGER,
        CHAMPION,
    ] * 2


@pytest.mark.parametrize("route", ["/v1/detect/batch", "/v1/detect/lines"])
def test_the_texts_of_one_request_go_to_one_side(half: Service, route: str) -> None:
    sides = [half.asked_all(route, *KEYS[start : start + 5]) for start in range(0, 100, 5)]
    assert {len(side) for side in sides} == {1}
    assert set.union(*sides) == {CHALLENGER, CHAMPION}


def test_a_stream_has_both_sides(half: Service) -> None:
    for text, model in [(ASKED_HERE, CHALLENGER), (ASKED_THERE, CHAMPION)]:
        assert half.client.post("/v1/detect/stream", json={"text": text}).is_success
        assert half.detector.asked[-1] == Query(text)
        assert half.detector.versions[-1] == model


def test_a_file_has_both_sides(half: Service) -> None:
    for text, model in [(ASKED_HERE, CHALLENGER), (ASKED_THERE, CHAMPION)]:
        assert half.client.post("/v1/detect/file", files={"file": text.encode()}).is_success
        assert half.detector.versions[-1] == model


def test_fraction_0_sends_no_caller_to_the_challenger() -> None:
    service = Service(0)
    assert {service.asked(text, x_canary_key=text) for text in KEYS[:50]} == {CHAMPION}


def test_fraction_1_sends_every_caller_to_the_challenger() -> None:
    service = Service(1)
    assert {service.asked(text, x_canary_key=text) for text in KEYS[:50]} == {CHALLENGER}


def test_answers_say_which_side_has_answered() -> None:
    detector = ChangingDetector()
    service = Service(0.5, detector)

    def answered(key: str) -> str:
        response = service.client.post(
            "/v1/detect/batch", json={"items": [{"text": "a"}]}, headers={"X-Canary-Key": key}
        )
        return response.headers["x-model"].partition(":")[2]

    assert [answered(key) for key in (HERE, THERE)] == ["1", "1"], "There is no challenger yet."
    detector.challenger = "2"
    assert [answered(key) for key in (HERE, THERE)] == ["2", "1"]


def test_answers_vary_with_the_key_only_where_it_matters(half: Service) -> None:
    def vary(client: TestClient) -> str | None:
        return client.post("/v1/detect", json={"text": "a"}).headers.get("vary")

    assert vary(half.client) == "X-Canary-Key"
    assert vary(TestClient(create_app(fake_ports()))) is None


@pytest.mark.parametrize("value", ["-0.1", "1.5", "10%", "nan"])
def test_a_malformed_fraction_stops_the_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CANARY_FRACTION", value)
    with pytest.raises(SettingsError, match="CANARY_FRACTION: input should be"):
        WIRING.check()

"""The ports over models that run anywhere: what travels how, and what is bounded."""

import asyncio
from collections.abc import AsyncGenerator
from contextvars import ContextVar
from typing import Any

import pytest

from servekit.contracts import (
    CHALLENGER,
    ModelCard,
    ModelError,
    ModelOverloadedError,
    ModelTimeoutError,
    Prediction,
    TooManyStreamsError,
)
from servekit.contracts.shares import caller_of_request
from servekit.serving import client, model_cards
from servekit.serving import transport as calls_module
from servekit.serving.batcher import MAX_CALL_BYTES
from servekit.serving.client import (
    SMALL_BATCH,
    ModelClient,
)
from servekit.serving.settings import BatcherSettings
from servekit.serving.sizes import size_bytes
from servekit.testing.fakes import FakeMeter, FakeTransport

from acme_service.contracts.language import Query

from tests.fakes import detection

CARD = ModelCard("calls", "1")
CHALLENGING = ModelCard("calls", "2")
REFUSED = ("model_refused_total", frozenset({("model", "language")}))
ENGLISH = Prediction(detection(en=1.0), CARD.reference)
asked_by = ContextVar("asked_by", default="nobody")


class Calls:
    """Stands for a model: notes its calls, and answers nothing about itself while `silent`."""

    def __init__(self) -> None:
        self.made: list[tuple[str, int]] = []
        self.callers: list[str] = []
        self.at_once = self.most_at_once = 0
        self.silent = False
        self.answer = ENGLISH
        self.card = CARD
        self.closed = 0

    async def call(self, method: str, *args: Any) -> Any:
        self.made.append((method, len(args[0]) if args else 0))
        self.callers.append(asked_by.get())
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if method in {"card", "ping"}:
            if self.silent:
                raise ModelTimeoutError("late")
            return CHALLENGING if args else self.card
        return [self.answer for _ in args[0]]

    async def stream(self, method: str, *args: Any) -> AsyncGenerator[Any, None]:
        self.made.append((method, 0))
        try:
            while True:
                yield ENGLISH
        finally:
            self.closed += 1


def detector_of(calls: Calls, **settings: float) -> ModelClient:
    return ModelClient("language", calls, BatcherSettings.model_validate(settings), FakeMeter())


def queries(count: int) -> list[Query]:
    return [Query("a")] * count


async def test_small_batches_travel_with_others() -> None:
    calls = Calls()
    detector = detector_of(calls)
    answers = await asyncio.gather(*map(detector.predict_batch, [queries(1), queries(3)]))
    assert answers == [[ENGLISH], [ENGLISH] * 3]
    assert calls.made == [("predict_batch", 4)]


async def test_a_batch_that_is_refused_leaves_nothing_in_the_line() -> None:
    calls = Calls()
    detector = detector_of(calls, max_waiting=10, max_items=4, max_in_flight=2)
    with pytest.raises(ModelOverloadedError):
        await detector.predict_batch(queries(16))
    assert await detector.predict(Query("a")) == ENGLISH
    # Two calls had begun; the other two texts in the line did not follow them.
    assert calls.made == [("predict_batch", 4)] * 2 + [("predict_batch", 1)]


async def test_a_split_batch_takes_as_many_places_as_single_texts() -> None:
    calls = Calls()
    answers = await detector_of(calls, max_items=4, max_in_flight=3).predict_batch(queries(1000))
    assert (len(answers), len(calls.made), calls.most_at_once) == (1000, 250, 3)


async def test_no_call_weighs_more_than_fits() -> None:
    calls = Calls()
    long = Query("д" * 10_000)
    weight = size_bytes(long)
    assert weight >= len(long.text.encode())
    await detector_of(calls, max_items=4096).predict_batch([long] * 200)
    assert max(texts for _, texts in calls.made) * weight <= MAX_CALL_BYTES


async def test_an_item_that_fails_fails_alone() -> None:
    class Picky(Calls):
        async def call(self, method: str, *args: Any) -> Any:
            await super().call(method, *args)
            return [ModelError("no") if one.text == "bad" else ENGLISH for one in args[0]]

    calls = Picky()
    detector = detector_of(calls)
    asked = [detector.predict(Query(text)) for text in ("a", "bad", "b")]
    first, failed, last = await asyncio.gather(*asked, return_exceptions=True)
    assert (first, repr(failed), last) == (ENGLISH, "ModelError('no')", ENGLISH)
    assert calls.made == [("predict_batch", 3)]
    with pytest.raises(ModelError, match="no"):
        await detector.predict_batch([Query("a"), Query("bad")])


async def test_what_is_late_is_given_up_and_stopped() -> None:
    calls = FakeTransport(stuck=True)
    client = ModelClient("language", calls, BatcherSettings(timeout_s=0.02), FakeMeter())
    with pytest.raises(ModelTimeoutError):
        await client.predict(Query("fine"))
    await asyncio.sleep(0)
    assert calls.given_up == 1


async def test_a_batched_call_runs_in_no_requests_context() -> None:
    calls = Calls()
    asked_by.set("the first client")
    await detector_of(calls).predict(Query("a"))
    assert calls.callers == ["nobody"]


async def test_streams_are_bounded_and_make_place_when_they_end() -> None:
    calls = Calls()
    meter = FakeMeter()
    detector = ModelClient("language", calls, BatcherSettings(max_streams=1), meter)
    first = detector.stream(Query("a"))
    assert await anext(aiter(first)) == ENGLISH
    with pytest.raises(ModelOverloadedError):
        await anext(aiter(detector.predict_each(queries(2))))
    assert meter.counts[REFUSED] == 1
    await first.aclose()  # pyright: ignore[reportAttributeAccessIssue]
    assert calls.closed == 1
    assert await anext(aiter(detector.predict_each(queries(2)))) == ENGLISH


async def test_one_caller_leaves_streams_to_others() -> None:
    calls, meter = Calls(), FakeMeter()
    settings = BatcherSettings(max_streams=2, max_streams_per_caller=1)
    detector = ModelClient("language", calls, settings, meter)
    caller_of_request.set(lambda: "one")
    first = detector.stream(Query("a"))
    assert await anext(aiter(first)) == ENGLISH
    with pytest.raises(TooManyStreamsError):
        await anext(aiter(detector.predict_each(queries(2))))
    assert meter.counts[REFUSED] == 1
    caller_of_request.set(lambda: "another")
    assert await anext(aiter(detector.stream(Query("a")))) == ENGLISH
    caller_of_request.set(lambda: "one")
    await first.aclose()  # pyright: ignore[reportAttributeAccessIssue]
    assert await anext(aiter(detector.predict_each(queries(2)))) == ENGLISH


class BusyCalls(Calls):
    """A model that refuses what it is asked."""

    async def call(self, method: str, *args: Any) -> Any:
        raise ModelOverloadedError("busy")

    async def stream(self, method: str, *args: Any) -> AsyncGenerator[Any, None]:
        raise ModelOverloadedError("busy")
        yield


async def test_every_call_that_is_refused_is_counted_once() -> None:
    meter = FakeMeter()
    detector = ModelClient("language", BusyCalls(), BatcherSettings(), meter)
    asking = [
        detector.predict(Query("a")),
        detector.predict_batch(queries(SMALL_BATCH + 1)),
        anext(aiter(detector.predict_each(queries(1)))),
        anext(aiter(detector.stream(Query("a")))),
    ]
    for number, one in enumerate(asking, start=1):
        with pytest.raises(ModelOverloadedError):
            await one
        assert meter.counts[REFUSED] == number


async def test_the_card_is_asked_for_once_a_second() -> None:
    calls = Calls()
    detector = detector_of(calls)
    assert [await detector.card(), await detector.card()] == [CARD, CARD]
    assert calls.made == [("card", 0)]


async def test_concurrent_callers_share_one_request_for_the_card() -> None:
    calls = Calls()
    detector = detector_of(calls)
    asked_by.set("the first client")
    first, *others = [asyncio.create_task(detector.card()) for _ in range(500)]
    await asyncio.sleep(0)
    first.cancel()
    assert await asyncio.gather(*others) == [CARD] * 499
    assert first.cancelled()
    assert (calls.made, calls.callers) == ([("card", 0)], ["nobody"])


async def test_a_failed_card_gives_each_caller_its_own_error() -> None:
    calls = Calls()
    calls.silent = True
    detector = detector_of(calls)
    errors = await asyncio.gather(*(detector.card() for _ in range(3)), return_exceptions=True)
    assert [repr(error) for error in errors] == ["ModelTimeoutError('late')"] * 3
    assert len(set(map(id, errors))) == 3
    assert calls.made == [("card", 0)]
    calls.silent = False
    assert await detector.card() == CARD


class Clock:
    now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Tells the time to who asks a model, and to who keeps its card."""
    clock = Clock()
    for module in (model_cards, client):
        monkeypatch.setattr(module, "monotonic", lambda: clock.now)
    return clock


async def test_answers_of_the_same_model_show_that_the_card_is_right(
    clock: Clock,
) -> None:
    calls = Calls()
    detector = detector_of(calls)
    await detector.card()
    for _ in range(5):
        clock.now += 0.9
        await detector.predict(Query("a"))
        await detector.card()
    assert [method for method, _ in calls.made].count("card") == 1
    calls.answer = ENGLISH._replace(version="calls:2")
    clock.now += 0.9
    await detector.predict(Query("a"))
    await detector.card()
    assert [method for method, _ in calls.made].count("card") == 2


async def test_readiness_reuses_the_note_of_the_model_card(
    clock: Clock,
) -> None:
    calls = Calls()
    calls.card = CARD._replace(note="Version 2 was refused.")
    detector = detector_of(calls)
    assert [await detector.check() for _ in range(3)] == ["Version 2 was refused."] * 3
    assert await detector.card() == calls.card
    assert calls.made == [("card", 0)]
    calls.card = CARD
    clock.now += 11
    await detector.predict(Query("a"))
    assert await detector.check() == "", "Answers alone do not show whether there is a note."
    assert [method for method, _ in calls.made] == ["card", "predict_batch", "card"]


async def test_a_busy_model_keeps_its_last_note() -> None:
    calls = Calls()
    calls.card = CARD._replace(note="Version 2 was refused.")
    detector = detector_of(calls)
    await detector.check()
    calls.silent = True
    assert await detector.check() == "Version 2 was refused."


async def test_the_challenger_has_a_card_of_its_own() -> None:
    calls = Calls()
    detector = detector_of(calls)
    for _ in range(2):
        assert await detector.card(CHALLENGER) == CHALLENGING
        assert await detector.card() == CARD
    assert [method for method, _ in calls.made] == ["card", "card"]
    assert await detector.card("calls:2") == CHALLENGING


@pytest.fixture
def nothing_is_just_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "JUST_NOW_S", 0)


@pytest.mark.usefixtures("nothing_is_just_now")
@pytest.mark.parametrize("way", ["predict", "predict_batch", "predict_each", "stream"])
async def test_every_answer_shows_that_the_model_is_not_stuck(way: str) -> None:
    calls = Calls()
    calls.silent = True
    detector = detector_of(calls)
    with pytest.raises(ModelTimeoutError):
        await detector.check()
    match way:
        case "predict":
            await detector.predict(Query("a"))
        case "predict_batch":
            await detector.predict_batch(queries(SMALL_BATCH + 1))
        case "predict_each":
            await anext(aiter(detector.predict_each(queries(1))))
        case _:
            await anext(aiter(detector.stream(Query("a"))))
    await detector.check()

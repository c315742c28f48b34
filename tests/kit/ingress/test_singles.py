"""What a model that answers one item at a time is asked, and how."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context
from typing import Any

import pytest

from servekit.contracts import ModelTimeoutError
from servekit.serving import transport as calls_module
from servekit.serving.client import BatchingClient
from servekit.serving.instrumented_call import nothing_around
from servekit.serving.settings import GatherSettings
from servekit.serving.transport import ModelTransport

from acme_service.ingress.models import text_bytes

from tests.fakes import FakeMeter, FakeTransport


class Calls(FakeTransport):
    """Says how long texts are."""

    def answer(self, method: str, *args: Any) -> Any:
        return [len(text) for text in args[0]] if args else None


class Silent(Calls):
    """Answers whatever it is asked but its ping."""

    async def call(self, method: str, *args: Any) -> Any:
        if method == "ping":
            raise ModelTimeoutError("late")
        return await super().call(method, *args)


def lengths(calls: ModelTransport, **settings: float) -> BatchingClient[str, int]:
    asked = GatherSettings.model_validate(settings)
    return BatchingClient(calls, asked, FakeMeter(), name="length", size_bytes=text_bytes)


async def test_items_that_meet_travel_together() -> None:
    calls = Calls()
    model = lengths(calls)
    assert await asyncio.gather(*map(model.predict, ["a", "bc", "def"])) == [1, 2, 3]
    assert calls.made == [("predict_batch", 3)]


async def test_features_are_put_around_a_call() -> None:
    around: list[str] = []

    @contextmanager
    def note(model: str, _: Sequence[Context]) -> Iterator[None]:
        around.append(model)
        with nothing_around(model, _):
            yield

    model: BatchingClient[str, int] = BatchingClient(
        Calls(), GatherSettings(), FakeMeter(), note, name="length", size_bytes=text_bytes
    )
    await model.predict("fine")
    assert around == ["length"]


async def test_what_is_late_is_given_up_and_stopped() -> None:
    calls = Calls(stuck=True)
    with pytest.raises(ModelTimeoutError):
        await lengths(calls, timeout_s=0.02).predict("fine")
    await asyncio.sleep(0)
    assert calls.given_up == 1


async def test_a_model_that_answers_its_ping_is_ready() -> None:
    calls = Calls()
    await lengths(calls).check()
    assert calls.made == [("ping", 0)]


async def test_an_answer_shows_that_a_model_is_busy_and_not_stuck(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calls_module, "JUST_NOW_S", 0)
    model = lengths(Silent())
    with pytest.raises(ModelTimeoutError):
        await model.check()
    await model.predict("a")
    await model.check()

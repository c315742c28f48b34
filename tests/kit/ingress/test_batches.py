"""Calls for many answers are measured, and entered by features that ask to be."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context
from typing import Any

import pytest

from servekit.contracts import (
    AroundCall,
    ModelError,
    ModelOverloadedError,
    ModelTimeoutError,
)
from servekit.serving.instrumented_call import InstrumentedCall, around_calls
from servekit.testing.fakes import FakeMeter


class Calls:
    """A model that answers everything with itself, or fails."""

    stream: Any = None

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    async def call(self, method: str, *args: Any) -> Any:
        if self.error:
            raise self.error
        return list(args[0])


def noting(notes: list[str], name: str) -> AroundCall:
    @contextmanager
    def around(model: str, asking: Sequence[Context]) -> Iterator[None]:
        notes.append(f"{name} {model} {len(asking)}")
        yield
        notes.append(f"{name} left")

    return around


def batches(meter: FakeMeter, around: AroundCall, calls: Calls) -> InstrumentedCall:
    return InstrumentedCall("language", "predict_batch", calls, meter, around)


async def test_features_enter_a_call_in_their_order() -> None:
    notes: list[str] = []
    around = around_calls([noting(notes, "first"), noting(notes, "second")])
    assert await batches(FakeMeter(), around, Calls())(["a"]) == ["a"]
    assert notes == ["first language 0", "second language 0", "second left", "first left"]


async def test_a_call_is_measured() -> None:
    meter = FakeMeter()
    await batches(meter, around_calls([]), Calls())(["a", "b", "c"])
    assert meter.counts == {("model_items_total", frozenset({("model", "language")})): 3}
    measured = dict(meter.observations)
    assert measured["model_batch_size"] == 3
    assert 0 <= measured["model_call_seconds"] < 1


@pytest.mark.parametrize(
    ("error", "refused"), [(ModelTimeoutError("late"), 0), (ModelOverloadedError("busy"), 1)]
)
async def test_a_call_is_measured_however_it_ends(error: ModelError, refused: int) -> None:
    meter = FakeMeter()
    with pytest.raises(type(error)):
        await batches(meter, around_calls([]), Calls(error))(["a"])
    assert "model_call_seconds" in dict(meter.observations)
    assert meter.counts["model_refused_total", frozenset({("model", "language")})] == refused

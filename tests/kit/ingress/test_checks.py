"""Busy is not stuck."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from servekit.contracts import (
    ModelOverloadedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from servekit.serving import transport as calls
from servekit.serving.transport import LivenessTracker

Ping = Callable[[], Awaitable[None]]


async def answers() -> None:
    return None


async def refuses() -> None:
    raise ModelOverloadedError("busy")


async def is_away() -> None:
    raise ModelUnavailableError("away")


async def hangs() -> None:
    await asyncio.Event().wait()


def pulse(lately_s: float = 10) -> LivenessTracker:
    return LivenessTracker(lately_s, ping_timeout_s=0.01)


@pytest.fixture
def nothing_is_just_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "JUST_NOW_S", 0)


async def test_a_model_that_answers_is_ready() -> None:
    await pulse().check(answers)


async def test_a_model_that_answered_just_now_is_not_even_asked() -> None:
    busy = pulse()
    busy.answered()
    await busy.check(hangs)


@pytest.mark.usefixtures("nothing_is_just_now")
@pytest.mark.parametrize("ping", [refuses, hangs])
async def test_a_model_that_answered_somebody_lately_is_busy_and_ready(ping: Ping) -> None:
    busy = pulse()
    busy.answered()
    await busy.check(ping)


async def test_a_model_that_never_answered_is_not_ready() -> None:
    with pytest.raises(ModelTimeoutError):
        await pulse().check(hangs)


@pytest.mark.usefixtures("nothing_is_just_now")
async def test_a_model_that_has_not_answered_for_long_is_not_ready() -> None:
    stuck = pulse(lately_s=0)
    stuck.answered()
    with pytest.raises(ModelOverloadedError):
        await stuck.check(refuses)


@pytest.mark.usefixtures("nothing_is_just_now")
async def test_a_model_that_is_away_is_not_ready_however_lately_it_answered() -> None:
    away = pulse()
    away.answered()
    with pytest.raises(ModelUnavailableError):
        await away.check(is_away)

"""Models in this process: the loop stays free, the line is bounded, errors say little."""

import asyncio
import shutil
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from servekit.contracts import (
    ModelError,
    ModelOverloadedError,
    ModelTimeoutError,
)
from servekit.serving.in_process import MAX_QUEUED, THREADS, InProcessTransport
from servekit.serving.settings import BatcherSettings
from servekit.testing.fakes import FakeMeter
from servekit.testing.store import STORE

from acme_service.app import WIRING


class Model:
    def __init__(self) -> None:
        self.noted: list[int] = []

    def note(self, number: int) -> None:
        self.noted.append(number)

    def where(self) -> str:
        return threading.current_thread().name

    def sleep(self, seconds: float) -> str:
        time.sleep(seconds)
        return "awake"

    def wait_for(self, event: threading.Event) -> bool:
        return event.wait(10)

    def fail(self) -> None:
        raise ValueError("s3cret")

    async def count(self, last: int) -> AsyncIterator[int]:
        for number in range(last):
            yield number

    async def hang(self) -> AsyncIterator[int]:
        await asyncio.Event().wait()
        yield 0

    async def fail_later(self) -> AsyncIterator[int]:
        yield 0
        raise ValueError("s3cret")


async def test_work_is_done_in_a_thread() -> None:
    assert (await InProcessTransport("test", Model(), 5).call("where")).startswith("test")


def test_a_version_that_a_model_in_this_process_refuses_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = shutil.copytree(STORE, tmp_path / "store")
    (store / "language" / "aliases.json").write_text('{"champion": "1", "challenger": "9"}')
    monkeypatch.setenv("MODEL_STORE", store.as_uri())
    meter = FakeMeter()
    WIRING.held(BatcherSettings(), meter)
    assert [name for name, _ in meter.counts] == ["model_refused_versions_total"]


async def test_the_loop_is_free_meanwhile() -> None:
    calls = InProcessTransport("test", Model(), 20)
    event = threading.Event()
    waiting = asyncio.create_task(calls.call("wait_for", event))
    await asyncio.sleep(0.01)
    event.set()  # which a loop that waits itself would never come to
    assert await waiting


async def test_a_slow_answer_is_a_timeout() -> None:
    with pytest.raises(ModelTimeoutError):
        await InProcessTransport("test", Model(), 0.05).call("sleep", 0.2)


async def test_beyond_the_line_calls_are_refused() -> None:
    calls = InProcessTransport("test", Model(), 5)
    waiting = [asyncio.create_task(calls.call("sleep", 0.001)) for _ in range(THREADS + MAX_QUEUED)]
    await asyncio.sleep(0)
    with pytest.raises(ModelOverloadedError):
        await calls.call("where")
    await asyncio.gather(*waiting)
    assert await calls.call("sleep", 0) == "awake"


async def test_a_failure_says_nothing_of_its_cause() -> None:
    with pytest.raises(ModelError, match=r"^The test model failed\.$"):
        await InProcessTransport("test", Model(), 5).call("fail")


async def test_streams_pass_through() -> None:
    assert [one async for one in InProcessTransport("test", Model(), 5).stream("count", 3)] == [
        0,
        1,
        2,
    ]


async def test_a_stream_that_fails_says_nothing_of_its_cause() -> None:
    with pytest.raises(ModelError, match=r"^The test model failed\.$"):
        [one async for one in InProcessTransport("test", Model(), 5).stream("fail_later")]


async def test_a_stuck_stream_is_a_timeout() -> None:
    with pytest.raises(ModelTimeoutError):
        [one async for one in InProcessTransport("test", Model(), 0.05).stream("hang")]


async def test_a_thread_at_work_keeps_its_place_though_its_caller_left() -> None:
    calls = InProcessTransport("test", Model(), 0.05)
    for _ in range(THREADS):
        with pytest.raises(ModelTimeoutError):
            await calls.call("sleep", 0.3)
    late = [asyncio.create_task(calls.call("sleep", 0)) for _ in range(MAX_QUEUED)]
    await asyncio.sleep(0)
    with pytest.raises(ModelOverloadedError):
        await calls.call("where")
    await asyncio.gather(*late, return_exceptions=True)


async def test_what_no_thread_has_begun_is_given_up_with_its_caller() -> None:
    model = Model()
    calls = InProcessTransport("test", model, 5)
    go_on = threading.Event()
    busy = [asyncio.create_task(calls.call("wait_for", go_on)) for _ in range(THREADS)]
    await asyncio.sleep(0)
    left = [asyncio.create_task(calls.call("note", number)) for number in range(MAX_QUEUED)]
    await asyncio.sleep(0)
    for caller in left:
        caller.cancel()
    await asyncio.wait(left)
    go_on.set()
    # Those who come now neither find the line full nor wait for answers that nobody wants.
    await calls.call("note", -1)
    assert model.noted == [-1]
    assert await asyncio.gather(*busy) == [True] * THREADS

"""Short streams travel whole, in batches."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import count

import pytest

from servekit.chunks import MAX_CHUNK_BYTES
from servekit.contracts import CHAMPION, Contract, Prediction
from servekit.serving.chunks import Whole
from servekit.serving.client import ModelClient
from servekit.serving.deployment import ModelDeployment
from servekit.serving.in_process import InProcessTransport
from servekit.serving.pace import TRY_EVERY, Pace
from servekit.serving.settings import BatcherSettings
from servekit.testing.fakes import FakeMeter

UP_TO = Contract("up_to", int, int, streams=True)
SLOW = 30
ENDLESS = 31
BROKEN = 29


class Clock:
    """Goes on by what the model says that it takes: a busy machine's is no measure."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


CLOCK = Clock()


@pytest.fixture(autouse=True)
def own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{ModelDeployment.__module__}.perf_counter", CLOCK)
    monkeypatch.setattr(f"{ModelDeployment.__module__}.ALONE_S", 60)


class UpTo:
    """Counts to a number; to some of them slowly, for ever, or not to the end."""

    version = "1"

    def __init__(self) -> None:
        self.streams: list[int] = []

    def predict(self, items: Sequence[int]) -> list[int]:
        return [*items]

    def stream(self, item: int) -> Iterator[int]:
        self.streams.append(item)
        for number in count() if item == ENDLESS else range(item):
            CLOCK.seconds += 0.01 if item == SLOW else 0.00001
            if item == BROKEN and number == 2:
                raise ValueError("broken")
            yield number


def deployment() -> ModelDeployment:
    return ModelDeployment(UP_TO, f"{__name__}:UpTo")


def client_of(found: ModelDeployment) -> ModelClient:
    transport = InProcessTransport("up_to", found, 5)
    return ModelClient("up_to", transport, BatcherSettings(), FakeMeter(), tries_whole=True)


async def values(stream: AsyncIterator[Prediction[int]]) -> list[int]:
    return [one.value async for one in stream]


async def test_short_streams_are_given_whole_and_together() -> None:
    found = deployment()
    first, second = await found.whole_streams([3, 1], [CHAMPION] * 2)
    assert first == [Prediction(number, "up_to:1") for number in range(3)]
    assert second == [Prediction(0, "up_to:1")]


async def test_many_short_streams_leave_the_event_loop_to_others() -> None:
    found, turns = deployment(), 0
    await found.whole_streams([20], [CHAMPION])

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    others = asyncio.create_task(other())
    streams = await found.whole_streams([20] * 100, [CHAMPION] * 100)
    others.cancel()
    assert [len(one or ()) for one in streams] == [20] * 100
    assert turns >= 3


@pytest.mark.parametrize("long", [1, 3])
async def test_one_long_stream_does_not_keep_others_from_being_whole(long: int) -> None:
    found = deployment()
    client = client_of(found)
    await values(client.stream(3))
    calls = found.whole_streams
    asked: list[int] = []

    async def noted(items: Sequence[int], versions: Sequence[str]) -> list[Whole]:
        asked.extend(items)
        return await calls(items, versions)

    found.whole_streams = noted
    await asyncio.gather(*(values(client.stream(one)) for one in [3] * (3 - long) + [SLOW] * long))
    await values(client.stream(3))
    assert asked.count(3) == (3 if long == 1 else 0)


@pytest.mark.parametrize("item", [SLOW, ENDLESS, BROKEN])
async def test_what_is_not_short_has_to_be_streamed(item: int) -> None:
    assert await deployment().whole_streams([item], [CHAMPION]) == [None]


async def test_after_a_slow_one_few_of_its_size_are_tried() -> None:
    found = deployment()
    assert await found.whole_streams([SLOW], [CHAMPION]) == [None]
    tried = [await found.whole_streams([3], [CHAMPION]) for _ in range(TRY_EVERY)]
    assert sum(one != [None] for one in tried) == 1


@pytest.mark.parametrize("item", [3, SLOW])
async def test_the_reader_sees_no_difference(item: int) -> None:
    client = client_of(deployment())
    for _ in range(3):
        assert await values(client.stream(item)) == [*range(item)]


async def test_callers_at_once_ask_by_one_call() -> None:
    found = deployment()
    calls: list[str] = []
    transport = InProcessTransport("up_to", found, 5)

    class Noting:
        stream = transport.stream

        async def call(self, method: str, *args: object) -> object:
            calls.append(method)
            return await transport.call(method, *args)

    client = ModelClient("up_to", Noting(), BatcherSettings(), FakeMeter(), tries_whole=True)
    streams = await asyncio.gather(*(values(client.stream(number)) for number in range(1, 9)))
    assert streams == [[*range(number)] for number in range(1, 9)]
    assert calls == ["whole_streams"]


class Repeating:
    """Says a text as often as it has letters."""

    def predict(self, items: Sequence[str]) -> list[str]:
        return [*items]

    def stream(self, item: str) -> Iterator[str]:
        return iter([item] * 8)


async def test_streams_that_are_large_together_are_not_all_given_whole() -> None:
    contract = Contract("repeating", str, str, streams=True)
    found = ModelDeployment(contract, f"{__name__}:Repeating")
    text = "x" * (MAX_CHUNK_BYTES // 20)
    assert await found.whole_streams([text], [CHAMPION]) != [None]
    streams = await found.whole_streams([text] * 4, [CHAMPION] * 4)
    assert [one is None for one in streams] == [False, False, True, True]


def test_one_slow_call_is_forgotten_after_a_hundred_quick_ones() -> None:
    pace = Pace()
    pace.took(1, 0.001)
    pace.took(1, 0.05)
    for _ in range(100):
        pace.took(1, 0.001)
    assert not pace.is_quick(1)
    for _ in range(100):
        pace.took(1, 0.001)
    assert pace.is_quick(1)


def test_occasional_slow_calls_keep_a_model_quick() -> None:
    pace = Pace()
    for number in range(1_000):
        pace.took(1, 0.01 if number % 20 == 10 else 0.0005)
        assert pace.is_quick(1)
    for _ in range(20):
        pace.took(1, 0.01)
    assert not pace.is_quick(1)


def test_a_call_that_stays_slow_is_timed_less_and_less_often() -> None:
    pace = Pace()
    due: list[int] = []
    for number in range(1_000):
        if pace.is_due(1):
            due.append(number)
            pace.tried(1, 0.05)
    assert len(due) < 8

"""Requests travel together, and none suffers for another."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from contextvars import ContextVar

import pytest

from servekit.contracts import (
    ModelError,
    ModelOverloadedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from servekit.contracts.request_id import waiting_contexts
from servekit.serving.batcher import MAX_CALL_BYTES, Batcher
from servekit.serving.settings import BatcherSettings
from servekit.testing.fakes import FakeMeter


class Model:
    """Answers in upper case, once the gate is open. An item called "stuck" is never answered."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.cancelled: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def call(self, items: Sequence[str]) -> list[str]:
        self.calls.append(list(items))
        try:
            await self.gate.wait()
            if "stuck" in items:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.append(list(items))
            raise
        if "broken" in items:
            raise ModelError("broken")
        return [item.upper() for item in items]  # an item that is no text fails here


class StubbornModel(Model):
    """Waits for the gate like a thread, which cannot be cancelled."""

    async def call(self, items: Sequence[str]) -> list[str]:
        self.calls.append(list(items))
        while not self.gate.is_set():
            with suppress(asyncio.CancelledError):
                await self.gate.wait()
        return [item.upper() for item in items]


class SlowModel(Model):
    """Answers many as soon as one, in 30 ms."""

    async def call(self, items: Sequence[str]) -> list[str]:
        await asyncio.sleep(0.03)
        return await super().call(items)


def batcher_of(model: Model, *, takes_turns: bool = False, **settings: float) -> Batcher[str, str]:
    chosen = BatcherSettings.model_validate({"max_in_flight": 2} | settings)
    return Batcher(
        "test", model.call, size, chosen, FakeMeter(), window=0.5, takes_turns=takes_turns
    )


def size(item: str | None) -> int:
    return len(item or "")


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_lone_request_is_asked_at_once() -> None:
    model = Model()
    assert await batcher_of(model).ask("a") == "A"
    assert model.calls == [["a"]]


async def test_requests_of_one_turn_travel_together() -> None:
    model = Model()
    answers = await asyncio.gather(*map(batcher_of(model).ask, "abc"))
    assert (answers, model.calls) == (["A", "B", "C"], [["a", "b", "c"]])


async def test_requests_wait_together_while_calls_are_under_way() -> None:
    model = Model()
    batcher = batcher_of(model)
    model.gate.clear()
    tasks = []
    for item in "abcde":
        tasks.append(asyncio.create_task(batcher.ask(item)))
        await settled()
    model.gate.set()
    assert await asyncio.gather(*tasks) == ["A", "B", "C", "D", "E"]
    assert model.calls == [["a"], ["b"], ["c", "d", "e"]]


async def test_a_call_that_stops_by_itself_keeps_nobody_waiting() -> None:
    async def stopping(items: Sequence[str]) -> list[str]:
        raise asyncio.CancelledError

    batcher = Batcher("test", stopping, size, BatcherSettings(), FakeMeter())
    with pytest.raises(ModelUnavailableError):
        await asyncio.wait_for(batcher.ask("a"), 1)


async def test_a_call_holds_a_limited_number_of_items() -> None:
    model = Model()
    await asyncio.gather(*map(batcher_of(model, max_items=2).ask, "abc"))
    assert model.calls == [["a", "b"], ["c"]]


async def test_a_call_weighs_at_most_a_mebibyte() -> None:
    model = Model()
    half = "x" * (MAX_CALL_BYTES // 2)
    await asyncio.gather(*map(batcher_of(model).ask, [half, half, "a"]))
    assert [len(call) for call in model.calls] == [2, 1]


async def test_beyond_the_line_requests_are_refused() -> None:
    model = Model()
    batcher = batcher_of(model, max_waiting=1)
    model.gate.clear()
    tasks = []
    for item in "abc":
        tasks.append(asyncio.create_task(batcher.ask(item)))
        await settled()
    with pytest.raises(ModelOverloadedError):
        await batcher.ask("d")
    model.gate.set()
    assert await asyncio.gather(*tasks) == ["A", "B", "C"]


async def test_a_stuck_call_delays_no_other() -> None:
    model = Model()
    batcher = batcher_of(model, timeout_s=0.2)
    stuck = asyncio.create_task(batcher.ask("stuck"))
    await settled()
    assert await batcher.ask("a") == "A"
    with pytest.raises(ModelTimeoutError):
        await stuck


async def test_a_slow_models_batch_waits_for_just_answered_callers() -> None:
    model = SlowModel()
    batcher = batcher_of(model)

    async def caller(number: int) -> None:
        for _ in range(8):
            await batcher.ask(str(number))
            await asyncio.sleep(0.001 * number)

    await asyncio.gather(*map(caller, range(4)))
    # Without waiting for them, each call but the first would hold two at most; where the machine
    # is busy with something else, some do.
    assert [len(call) for call in model.calls[1:]].count(4) > 0


async def test_waiting_items_share_a_call_where_calls_take_turns() -> None:
    model = Model()
    batcher = batcher_of(model, takes_turns=True)
    model.gate.clear()
    tasks = []
    for item in "abcd":
        tasks.append(asyncio.create_task(batcher.ask(item)))
        await settled()
    model.gate.set()
    assert await asyncio.gather(*tasks) == ["A", "B", "C", "D"]
    assert model.calls == [["a"], ["b", "c", "d"]]


async def test_after_a_quick_failure_slow_calls_take_turns_as_before() -> None:
    class Failing(SlowModel):
        running = most = 0

        async def call(self, items: Sequence[str]) -> list[str]:
            if "bad" in items:
                raise ModelError("at once")
            self.running += 1
            self.most = max(self.most, self.running)
            answers = await super().call(items)
            self.running -= 1
            return answers

    model = Failing()
    batcher = batcher_of(model, takes_turns=True)
    assert await batcher.ask("a") == "A"
    with pytest.raises(ModelError):
        await batcher.ask("bad")

    async def later(number: int) -> str:
        await asyncio.sleep(0.004 * number)
        return await batcher.ask(str(number))

    assert len(await asyncio.gather(*map(later, range(9)))) == 9
    assert model.most == 1


async def test_a_call_that_takes_very_long_is_overtaken() -> None:
    batcher = batcher_of(Model(), takes_turns=True)
    stuck = asyncio.create_task(batcher.ask("stuck"))
    await settled()
    assert await asyncio.wait_for(batcher.ask("a"), 2) == "A"
    stuck.cancel()


async def test_many_are_asked_at_once_and_each_is_told() -> None:
    model = Model()
    batcher = batcher_of(model, max_items=2)
    answers = await batcher.ask_all(["a", "b", "broken", "c"])
    assert answers[:2] == ["A", "B"]
    assert [str(one) for one in answers[2:]] == ["broken", "broken"]
    assert model.calls == [["a", "b"], ["broken", "c"]]


async def test_many_leave_the_line_together() -> None:
    model = Model()
    batcher = batcher_of(model, max_items=2)
    asking = asyncio.create_task(batcher.ask_all(["stuck", "stuck", "a"]))
    await settled()
    asking.cancel()
    await settled()
    assert model.cancelled == [["stuck", "stuck"]]
    assert await batcher.ask("b") == "B"


async def test_many_that_do_not_all_fit_into_the_line_leave_it() -> None:
    model = Model()
    batcher = batcher_of(model, max_waiting=2)
    with pytest.raises(ModelOverloadedError):
        await batcher.ask_all("abc")
    assert await batcher.ask_all("de") == ["D", "E"]
    assert model.calls == [["d", "e"]]


async def test_an_error_reaches_all_who_waited_for_it() -> None:
    batcher = batcher_of(Model())
    answers = await asyncio.gather(*map(batcher.ask, ["a", "broken"]), return_exceptions=True)
    assert [str(one) for one in answers] == ["broken", "broken"]
    assert answers[0] is not answers[1]
    assert await batcher.ask("a") == "A"


async def test_a_cancelled_item_is_left_out_of_the_batch() -> None:
    model = Model()
    batcher = batcher_of(model)
    model.gate.clear()
    tasks = []
    for item in "abcd":
        tasks.append(asyncio.create_task(batcher.ask(item)))
        await settled()
    tasks[2].cancel()
    await settled()
    model.gate.set()
    await asyncio.wait(tasks)
    assert model.calls == [["a"], ["b"], ["d"]]


async def test_a_call_that_nobody_waits_for_is_cancelled() -> None:
    model = Model()
    task = asyncio.create_task(batcher_of(model).ask("stuck"))
    await settled()
    task.cancel()
    await settled()
    assert model.cancelled == [["stuck"]]


async def test_a_call_shared_with_others_finishes() -> None:
    model = Model()
    batcher = batcher_of(model)
    model.gate.clear()
    first, second = (asyncio.create_task(batcher.ask(item)) for item in "ab")
    await settled()
    first.cancel()
    await settled()
    model.gate.set()
    assert await second == "B"
    assert (model.calls, model.cancelled) == ([["a", "b"]], [])


async def test_after_a_timeout_the_slot_is_free_again() -> None:
    model = Model()
    batcher = batcher_of(model, timeout_s=0.05)
    waiting = [batcher.ask("stuck") for _ in range(3)]
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(one) for one in answers} == {ModelTimeoutError}
    await settled()
    assert model.cancelled == [["stuck"] * 3]
    assert await batcher.ask("a") == "A"


async def test_a_timeout_in_the_line_gives_the_place_back() -> None:
    model = StubbornModel()
    model.gate.clear()
    batcher = batcher_of(model, timeout_s=0.3, max_items=1, max_waiting=1)
    waiting = []
    for item in "abc":  # two calls under way, and one in line
        waiting.append(asyncio.create_task(batcher.ask(item)))
        await settled()
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in errors] == [ModelTimeoutError] * 3
    asking = asyncio.create_task(batcher.ask("d"))
    await settled()
    model.gate.set()
    assert await asking == "D"
    assert model.calls == [["a"], ["b"], ["d"]]


@pytest.mark.parametrize("answers", [[], ["A"], ["A", "B", "C"]])
async def test_a_wrong_number_of_answers_fails_every_item(answers: list[str]) -> None:
    async def call(items: Sequence[str]) -> list[str]:
        return answers

    batcher = Batcher("test", call, len, BatcherSettings(), FakeMeter())
    found = await asyncio.gather(*map(batcher.ask, "ab"), return_exceptions=True)
    assert [type(one) for one in found] == [ModelError, ModelError]


async def test_an_unforeseen_failure_is_an_error_and_frees_the_slot() -> None:
    model = Model()
    batcher = batcher_of(model)
    for _ in range(3):
        with pytest.raises(ModelError):
            await batcher.ask(None)  # pyright: ignore[reportArgumentType]
    assert await batcher.ask("a") == "A"


async def test_a_call_left_before_its_first_step_frees_its_slot() -> None:
    batcher = batcher_of(Model())
    for _ in range(3):
        task = asyncio.create_task(batcher.ask("a"))
        await asyncio.sleep(0)  # asks
        asyncio.get_running_loop().call_soon(task.cancel)  # right after the call is made
        await asyncio.wait([task])
    assert await batcher.ask("b") == "B"


async def test_a_call_sees_all_contexts_and_runs_in_none_of_them() -> None:
    name: ContextVar[str] = ContextVar("name", default="nobody")
    found: list[list[str]] = []

    async def call(items: Sequence[str]) -> Sequence[str]:
        found.append([name.get(), *(asker.run(name.get) for asker in waiting_contexts.get())])
        return items

    batcher = Batcher("test", call, len, BatcherSettings(), FakeMeter())

    async def ask(who: str) -> None:
        name.set(who)
        await batcher.ask(who)

    await asyncio.gather(*map(ask, ["a", "b"]))
    assert found == [["nobody", "a", "b"]]

"""A batch that the model answers at once needs no task; any other is called as usual."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

import pytest

from servekit.contracts import ModelError
from servekit.contracts.request_id import waiting_contexts
from servekit.serving.batcher import Batcher
from servekit.serving.settings import BatcherSettings
from servekit.testing.fakes import FakeMeter

Answers = Sequence[str | ModelError] | None


class Model:
    """Answers in upper case: lower case at once, digits in a while, and one too few of "xyz"."""

    def __init__(self) -> None:
        self.quick: list[str] = []
        self.called: list[str] = []

    def answers_at_once(self, items: Sequence[str]) -> Answers:
        if "broken" in items:
            raise ValueError("broken")
        if any(one.isdigit() for one in items):
            return None
        self.quick.append("".join(items))
        return [one.upper() for one in items if items != ["x", "y", "z"] or one != "z"]

    async def answers(self, items: Sequence[str]) -> Sequence[str | ModelError]:
        self.called.append("".join(items))
        await asyncio.sleep(0.001)
        return [ModelError("broken") if one == "broken" else one.upper() for one in items]


def batcher_of(model: Model, **settings: int) -> Batcher[str, str]:
    chosen = BatcherSettings.model_validate(settings)
    return Batcher(
        "test", model.answers, len, chosen, FakeMeter(), quick_call=model.answers_at_once
    )


async def test_what_is_there_at_once_needs_no_call() -> None:
    model = Model()
    assert await batcher_of(model).ask("a") == "A"
    assert (model.quick, model.called) == (["a"], [])


async def test_requests_of_one_turn_are_answered_together() -> None:
    model = Model()
    assert await asyncio.gather(*map(batcher_of(model).ask, "abc")) == ["A", "B", "C"]
    assert model.quick == ["abc"]


async def test_what_does_not_fit_is_answered_next() -> None:
    model = Model()
    answers = await asyncio.gather(*map(batcher_of(model, max_items=2).ask, "abcde"))
    assert answers == ["A", "B", "C", "D", "E"]
    assert model.quick == ["ab", "cd", "e"]


async def test_what_takes_a_while_is_called() -> None:
    model = Model()
    assert await asyncio.gather(*map(batcher_of(model).ask, "a1")) == ["A", "1"]
    assert (model.quick, model.called) == ([], ["a1"])


@pytest.mark.parametrize("items", [["broken", "a"], ["x", "y", "z"]])
async def test_what_fails_at_once_fails_as_a_call_does(items: list[str]) -> None:
    model = Model()
    asked = map(batcher_of(model).ask, items)
    answers = await asyncio.gather(*asked, return_exceptions=True)
    expected = [ModelError if one == "broken" else str for one in items]
    assert [type(one) for one in answers] == expected
    assert model.called == ["".join(items)]


async def test_a_request_that_was_left_is_not_answered() -> None:
    model = Model()
    batcher = batcher_of(model)
    left = asyncio.create_task(batcher.ask("a"))
    await asyncio.sleep(0)
    left.cancel()
    assert await batcher.ask("b") == "B"
    assert left.cancelled()


async def test_the_contexts_of_the_requests_are_at_hand() -> None:
    name: ContextVar[str] = ContextVar("name", default="none")
    found: list[str] = []

    class Looking(Model):
        def answers_at_once(self, items: Sequence[str]) -> Answers:
            found.extend([name.get(), *(one.run(name.get) for one in waiting_contexts.get())])
            return super().answers_at_once(items)

    batcher = batcher_of(Looking())

    async def ask(item: str) -> None:
        name.set(item)
        await batcher.ask(item)

    await asyncio.gather(*map(ask, "ab"))
    assert found == ["none", "a", "b"]

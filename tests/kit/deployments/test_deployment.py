"""The deployment around a model of one version: any class with `predict`."""

import asyncio
import math
import pickle
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import closing
from contextvars import ContextVar
from threading import Event
from typing import ClassVar

import numpy as np
import pytest

from servekit.contracts import (
    Contract,
    ModelError,
    ModelOverloadedError,
    ModelReplacedError,
    ModelUnavailableError,
    Prediction,
)
from servekit.registry.errors import ModelStoreError
from servekit.registry.golden import GoldenExample
from servekit.serving.deployment import (
    MAX_RETRIES,
    NOT_OF_AN_ITEM,
    Answers,
    ModelDeployment,
    VersionedDeployment,
)
from servekit.serving.in_process import InProcessTransport
from servekit.testing.subprocesses import printed_by

from .replica import MODEL

DOUBLE = Contract("double", int, int, streams=True)


class Double:
    """Doubles numbers, notes its batches and the threads that it worked in."""

    version = "7"

    def __init__(self) -> None:
        self.facts = {"factor": 2}
        self.batches: list[list[int]] = []
        self.threads: set[str] = set()

    def predict(self, items: Sequence[int]) -> list[int]:
        self.batches.append([*items])
        self.threads.add(threading.current_thread().name)
        if 13 in items:
            raise ValueError("secret 13")
        return [2 * item for item in items]

    def stream(self, item: int) -> Iterator[int]:
        yield from range(item)


class Awaited:
    """Does the same without a thread."""

    async def predict(self, items: Sequence[int]) -> list[int]:
        await asyncio.sleep(0)
        return [2 * item for item in items]

    async def stream(self, item: int) -> AsyncIterator[int]:
        for one in range(item):
            yield one


class Said:
    """Gives, or raises, what a test says."""

    values: object = None

    def predict(self, items: Sequence[int]) -> object:
        if isinstance(self.values, BaseException):
            raise self.values
        return self.values

    def stream(self, item: int) -> Iterator[object]:
        return map(self.predict, [[item]])


class Counting(Said):
    """Notes its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def predict(self, items: Sequence[int]) -> object:
        self.batches.append([*items])
        return super().predict(items)


class Exiting(Said):
    async def predict(self, items: Sequence[int]) -> object:
        return super().predict(items)


class Odd(Double):
    version = "1€"


class Slow:
    def predict(self, items: Sequence[int]) -> list[int]:
        if -1 in items:
            raise ValueError("at once")
        time.sleep(0.05)
        return list(items)


class Batching(Double):
    """Takes 50 ms, whatever a batch holds."""

    def predict(self, items: Sequence[int]) -> list[int]:
        time.sleep(0.05)
        return super().predict(items)


class OneByOne(Double):
    """Takes 10 ms for each item."""

    def predict(self, items: Sequence[int]) -> list[int]:
        time.sleep(0.01 * len(items))
        return super().predict(items)


class Elsewhere:
    """Waits for something else, as long as a test lets it."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[Sequence[int]] = asyncio.Queue()
        self.go = asyncio.Event()

    async def _predict(self, items: Sequence[int]) -> list[int]:
        self.asked.put_nowait(items)
        await self.go.wait()
        return [*items]


class Awaiting(Elsewhere):
    async def predict(self, items: Sequence[int]) -> list[int]:
        return await self._predict(items)


class Handed(Elsewhere):
    """Gives what has to be awaited."""

    def predict(self, items: Sequence[int]) -> Awaitable[list[int]]:
        return self._predict(items)


class Broken(Double):
    @classmethod
    def load(cls) -> Double:
        raise OSError("damaged")


may_load = Event()


class Late(Double):
    @classmethod
    def load(cls) -> Double:
        assert may_load.wait(5)
        return Double()


def deployment_of(kind: type, *, in_background: bool = False) -> ModelDeployment:
    return ModelDeployment(DOUBLE, f"{__name__}:{kind.__name__}", in_background=in_background)


async def values(answers: AsyncIterator[Prediction[int]]) -> list[tuple[int, str]]:
    return [(one.value, one.version) async for one in answers]


def batches_of(deployment: ModelDeployment) -> list[list[int]]:
    return deployment._model.result().batches  # pyright: ignore[reportPrivateUsage]


def told(answers: Answers) -> list[object]:
    return [str(one) if isinstance(one, ModelError) else one.value for one in answers]


@pytest.mark.parametrize("kind", [Double, Awaited])
async def test_items_are_answered_in_order(kind: type) -> None:
    deployment = deployment_of(kind)
    assert told(await deployment.predict_batch([1, 2, 3], [""] * 3)) == [2, 4, 6]
    by = "double:7" if kind is Double else "double"
    assert await values(deployment.predict_each([1, 2], "")) == [(2, by), (4, by)]
    assert await values(deployment.stream(2, "")) == [(0, by), (1, by)]


async def test_the_card_says_version_and_facts() -> None:
    card = await deployment_of(Double).card()
    assert (card.reference, card.facts, card.note) == ("double:7", {"factor": 2}, "")
    assert (await deployment_of(Awaited).card()).reference == "double"


async def test_an_item_that_fails_fails_alone(caplog: pytest.LogCaptureFixture) -> None:
    answers = await deployment_of(Double).predict_batch([1, 13, 2], [""] * 3)
    assert told(answers) == [2, "The double model failed.", 4]
    assert "secret 13" in caplog.text


@pytest.mark.parametrize(("items", "calls"), [(4, 5), (256, 17)])
async def test_the_item_at_which_a_batch_fails_is_found_by_halves(items: int, calls: int) -> None:
    deployment = deployment_of(Double)
    answers = await deployment.predict_batch([13, *[1] * (items - 1)], [""] * items)
    assert told(answers) == ["The double model failed.", *[2] * (items - 1)]
    assert len(batches_of(deployment)) == calls


async def test_the_search_for_what_fails_is_bounded() -> None:
    deployment = deployment_of(Double)
    answers = await deployment.predict_batch([13] * 256, [""] * 256)
    assert told(answers) == ["The double model failed."] * 256
    assert len(batches_of(deployment)) == 1 + MAX_RETRIES


@pytest.mark.parametrize("raised", NOT_OF_AN_ITEM)
async def test_what_is_no_fault_of_an_item_is_not_tried_again(raised: type[ModelError]) -> None:
    Said.values = raised("Not now.")
    deployment = deployment_of(Counting)
    answers = await deployment.predict_batch([1, 2, 3], [""] * 3)
    assert [(type(one), str(one)) for one in answers] == [(raised, "Not now.")] * 3
    assert len(batches_of(deployment)) == 1


class OutOfMemoryError(RuntimeError):
    """As PyTorch calls it."""


class Small:
    """Has memory for two items, or for none."""

    version = "7"
    most = 2
    error: Exception = MemoryError()

    def predict(self, items: Sequence[int]) -> list[int]:
        if len(items) > self.most:
            raise self.error
        return [2 * item for item in items]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OutOfMemoryError("Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA out of memory."),
        RuntimeError("[ONNXRuntimeError] : 6 : Failed to allocate memory for requested buffer"),
        RuntimeError("OOM when allocating tensor with shape[9,9]"),
    ],
)
async def test_memory_that_runs_out_is_no_wrong_answer(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(Small, "error", error)
    deployment = deployment_of(Small)
    assert told(await deployment.predict_batch([1, 2, 3, 4], [""] * 4)) == [2, 4, 6, 8]
    monkeypatch.setattr(Small, "most", 0)
    [answer] = await deployment.predict_batch([1], [""])
    assert isinstance(answer, ModelUnavailableError)
    assert str(answer) == "The double model ran out of memory."
    monkeypatch.setattr(Small, "most", 2)
    assert told(await deployment.predict_batch([1], [""])) == [2]


@pytest.mark.parametrize(
    "value", [math.nan, {"a": [1.0, math.inf]}, np.float32("nan"), np.array([1, math.nan])]
)
async def test_an_answer_that_json_cannot_carry_fails_alone(
    caplog: pytest.LogCaptureFixture, value: object
) -> None:
    Said.values = [1.0, value, np.array([2.0])]
    answers = await deployment_of(Said).predict_batch([1, 2, 3], [""] * 3)
    assert [isinstance(one, ModelError) for one in answers] == [False, True, False]
    assert "an answer of double is not a finite number" in caplog.text


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([], "predict gave 0 answers to 1 items"),
        ([1, 2], "predict gave 2 answers to 1 items"),
        ({1: 2}, "predict gave a dict, not a sequence of answers"),
        ("a", "predict gave a str, not a sequence of answers"),
        ({1}, "predict gave a set, not a sequence of answers"),
        (None, "predict gave a NoneType, not a sequence of answers"),
        (iter([1]), "predict gave a list_iterator, not a sequence of answers"),
    ],
)
async def test_what_is_no_answer_for_each_item_is_an_error(
    caplog: pytest.LogCaptureFixture, values: object, reason: str
) -> None:
    Said.values = values
    [answer] = await deployment_of(Said).predict_batch([1], [""])
    assert str(answer) == "The double model failed."
    assert reason in caplog.text


class TooLongError(ModelError):
    """One that pickle cannot make again."""

    def __init__(self, length: int, most: int) -> None:
        super().__init__(f"{length} > {most}")


@pytest.mark.parametrize(
    ("raised", "kind", "message"),
    [
        (TooLongError(9, 5), ModelError, "9 > 5"),
        (ModelOverloadedError("Not now."), ModelOverloadedError, "Not now."),
        (StopIteration("secret"), ModelError, "The double model failed."),
        (SystemExit("secret"), ModelError, "The double model failed."),
    ],
)
async def test_whatever_a_model_raises_is_an_error_that_travels(
    raised: BaseException, kind: type[ModelError], message: str
) -> None:
    Said.values = raised
    deployment = deployment_of(Said)
    for _ in range(3):
        [answer] = await asyncio.wait_for(deployment.predict_batch([1], [""]), 5)
        assert (type(answer), str(answer)) == (kind, message)
        assert answer is not raised
        assert str(pickle.loads(pickle.dumps(answer))) == message


async def test_what_comes_before_an_item_that_fails_is_given() -> None:
    answers = deployment_of(Double).predict_each([1, 13, 2], "")
    assert (await anext(answers)).value == 2
    with pytest.raises(ModelError, match=r"^The double model failed\.$"):
        await anext(answers)


async def test_quick_failures_do_not_bring_a_slow_model_into_the_loop() -> None:
    deployment = deployment_of(Slow)
    for _ in range(40):
        await deployment.predict_batch([-1], [""])
    call = asyncio.create_task(deployment.predict_batch([1], [""]))
    await asyncio.sleep(0.01)
    assert not call.done()
    await call


async def test_another_version_than_the_one_there_is_cannot_be_asked() -> None:
    deployment = deployment_of(Double)
    assert told(await deployment.predict_batch([1], ["double:7"])) == [2]
    with pytest.raises(ModelReplacedError):
        await deployment.predict_batch([1], ["double:8"])


async def test_what_is_quick_is_done_in_the_loop_once_that_is_known() -> None:
    deployment = deployment_of(Double)
    for _ in range(20):
        await deployment.predict_batch([1], [""])
    model = deployment._model.result()  # pyright: ignore[reportPrivateUsage]
    assert threading.current_thread().name in model.threads
    assert len(model.threads) > 1, "The first call was made in a thread."


async def test_what_is_slow_leaves_the_loop_free() -> None:
    deployment = deployment_of(Slow)
    for _ in range(3):
        call = asyncio.create_task(deployment.predict_batch([1], [""]))
        await asyncio.sleep(0.01)
        assert not call.done()
        await call


async def test_calls_that_wait_for_a_slow_model_are_joined() -> None:
    deployment = deployment_of(Batching)
    first = asyncio.create_task(deployment.predict_batch([1], [""]))
    await asyncio.sleep(0.01)
    each = [deployment.predict_batch([number, number], [""] * 2) for number in range(2, 6)]
    assert [told(one) for one in await asyncio.gather(first, *each)] == [
        [2],
        *([2 * number] * 2 for number in range(2, 6)),
    ]
    assert batches_of(deployment) == [[1], [2, 2, 3, 3, 4, 4, 5, 5]]


asked_by: ContextVar[str] = ContextVar("asked_by", default="none")


class Naming:
    """Takes 20 ms, and answers with the length of what its context says."""

    def predict(self, items: Sequence[int]) -> list[int]:
        time.sleep(0.02)
        return [len(asked_by.get())] * len(items)


async def test_a_slow_model_runs_in_the_context_of_its_call() -> None:
    deployment = deployment_of(Naming)
    for name in ("a", "bb", "ccc"):
        asked_by.set(name)
        assert told(await deployment.predict_batch([1], [""])) == [len(name)]


async def test_no_item_of_a_call_that_was_taken_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCHER_MAX_WAITING", "8")
    deployment = deployment_of(Batching)
    calls = [deployment.predict_batch([number] * 30, [""] * 30) for number in range(20, 40)]
    for number, answers in zip(range(20, 40), await asyncio.gather(*calls), strict=True):
        assert told(answers) == [2 * number] * 30


async def test_of_calls_that_were_joined_one_fails_alone() -> None:
    deployment = deployment_of(Batching)
    first = asyncio.create_task(deployment.predict_batch([1], [""]))
    await asyncio.sleep(0.01)
    each = [deployment.predict_batch([number], [""]) for number in range(11, 15)]
    await first
    answers = [one for answers in await asyncio.gather(*each) for one in answers]
    assert [str(one) for one in answers if isinstance(one, ModelError)] == [
        "The double model failed."
    ]
    assert told([one for one in answers if not isinstance(one, ModelError)]) == [22, 24, 28]


@pytest.fixture
def none_is_overtaken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("servekit.serving.batcher.LONG_S", 60)


@pytest.mark.usefixtures("none_is_overtaken")
async def test_no_call_waits_for_a_large_batch() -> None:
    deployment = deployment_of(OneByOne)
    large = asyncio.create_task(deployment.predict_batch([0] * 65, [""] * 65))
    await asyncio.sleep(0.01)
    assert told(await deployment.predict_batch([1], [""])) == [2]
    assert not large.done()
    assert len(await large) == 65


@pytest.mark.usefixtures("none_is_overtaken")
@pytest.mark.parametrize("kind", [Awaiting, Handed])
async def test_a_model_that_awaits_something_else_is_asked_meanwhile(kind: type) -> None:
    deployment = deployment_of(kind)
    model = deployment._model.result()  # pyright: ignore[reportPrivateUsage]
    model.go.set()
    await deployment.predict_batch([0], [""])
    assert await model.asked.get() == [0]
    model.go.clear()
    calls = []
    async with asyncio.timeout(5):
        for number in range(1, 4):
            calls.append(asyncio.create_task(deployment.predict_batch([number], [""])))
            assert await model.asked.get() == [number]
    model.go.set()
    assert [told(one) for one in await asyncio.gather(*calls)] == [[1], [2], [3]]


async def test_a_model_that_does_not_load_ends_only_its_replica() -> None:
    with pytest.raises(OSError, match="damaged"):
        deployment_of(Broken)
    shared = deployment_of(Broken, in_background=True)
    for _ in range(2):
        with pytest.raises(ModelUnavailableError, match=r"^The double model could not be loaded"):
            await shared.predict_batch([1], [""])


async def test_first_calls_wait_for_a_model_loading_in_background() -> None:
    may_load.clear()
    deployment = deployment_of(Late, in_background=True)
    left = asyncio.ensure_future(anext(deployment.stream(1, "")))
    call = asyncio.create_task(deployment.predict_batch([1], [""]))
    await asyncio.sleep(0.01)
    assert not call.done()
    left.cancel()
    await asyncio.wait([left])
    may_load.set()
    assert told(await call) == [2]


def test_a_version_that_no_header_can_carry_is_refused() -> None:
    with pytest.raises(ModelStoreError, match="cannot have the version '1€'"):
        deployment_of(Odd)


@pytest.mark.parametrize("items", [1, 100])
async def test_the_sample_is_answered_through_it(items: int) -> None:
    from acme_service.contracts.language import Query

    deployment = VersionedDeployment(*MODEL)
    answers = await deployment.predict_batch([Query("Guten Morgen!")] * items, [""] * items)
    assert {one.value.language for one in answers if isinstance(one, Prediction)} == {"de"}
    deployment.close()


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("no_such.module:Model", "cannot be imported: there is no such module"),
        ("tests.no_such:Model", "cannot be imported: there is no such module"),
        ("servekit.testing.fakes:NoSuch", "is not defined in its module"),
        ("servekit.testing.fakes:FakeMeter", "has no method predict"),
    ],
)
def test_a_class_that_is_not_there_is_one_sentence(path: str, reason: str) -> None:
    sentence = f"The class of the mood model, {path!r}, {reason}."
    with pytest.raises(ModelStoreError) as refused:
        ModelDeployment(Contract("mood", str, str), path)
    assert str(refused.value) == sentence


def test_the_store_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_STORE", "file:nowhere")
    with pytest.raises(ModelStoreError, match="nowhere"):
        VersionedDeployment(*MODEL)


def test_the_plain_class_needs_no_ray() -> None:
    source = """if True:
        import sys
        import servekit.serving.deployment
        print({"ray", "numpy", "fastapi"} & set(sys.modules))
    """
    assert printed_by(source) == "set()"


async def test_a_stream_that_exits_ends_no_process() -> None:
    Said.values = SystemExit("secret")
    with pytest.raises(ModelError, match=r"^The double model failed\.$"):
        await anext(deployment_of(Said).stream(1, ""))


async def test_an_awaited_model_that_exits_ends_no_process() -> None:
    Said.values = SystemExit("secret")
    [answer] = await deployment_of(Exiting).predict_batch([1], [""])
    assert str(answer) == "The double model failed."


class Rehearsed(Double):
    """Answers examples before it serves."""

    golden = (GoldenExample(2, 4), GoldenExample(3, 6))
    asked: ClassVar[list[int]] = []

    def predict(self, items: Sequence[int]) -> list[int]:
        self.asked.extend(items)
        return super().predict(items)


def test_unversioned_models_pass_golden_examples_before_serving() -> None:
    Rehearsed.asked.clear()
    with closing(ModelDeployment(DOUBLE, f"{__name__}:Rehearsed")):
        assert Rehearsed.asked == [2, 3]


@pytest.mark.parametrize(
    ("golden", "reason"),
    [
        ([GoldenExample(2, 5)], "fails one of its own examples: number 1 expects 5"),
        ([GoldenExample("two", 4)], "has an input that the contract does not."),
    ],
)
def test_a_model_that_fails_its_examples_does_not_serve(
    golden: list[GoldenExample], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rehearsed, "golden", golden)
    with pytest.raises(ModelStoreError, match=reason):
        ModelDeployment(DOUBLE, f"{__name__}:Rehearsed")


class Delegating:
    """Returns what has to be awaited, from a method that is none."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def predict(self, items: Sequence[int]) -> object:
        self.batches.append([*items])
        return asyncio.sleep(0, [2 * item for item in items])


async def test_what_has_to_be_awaited_is_asked_for_once() -> None:
    deployment = deployment_of(Delegating)
    transport = InProcessTransport("double", deployment, 5)
    for number in range(5):
        answers = await transport.call("predict_batch", [number], [""])
        assert told(answers) == [2 * number]
    assert batches_of(deployment) == [[number] for number in range(5)]


class Summing:
    """Takes a tenth of a millisecond, and lets other threads take turns meanwhile."""

    def __init__(self) -> None:
        self.in_loop: list[bool] = []

    def predict(self, items: Sequence[int]) -> list[int]:
        self.in_loop.append(threading.current_thread() is threading.main_thread())
        for _ in range(5):
            time.sleep(0)
        return [*items]


async def test_beside_a_busy_loop_a_quick_model_is_found_out_to_be_quick() -> None:
    """A thread waits for Python's lock while the loop works, so its calls seem slow."""
    deployment = deployment_of(Summing)
    model = deployment._model.result()  # pyright: ignore[reportPrivateUsage]
    deployment._pace.took(64, 0.04)  # pyright: ignore[reportPrivateUsage]

    async def work() -> None:
        while True:
            until = time.monotonic() + 0.01
            while time.monotonic() < until:
                pass
            await asyncio.sleep(0)

    working = asyncio.create_task(work())
    # Not within so many calls: a busy machine makes any of them slow.
    async with asyncio.timeout(60):
        while model.in_loop[-50:] != [True] * 50:
            await deployment.predict_batch([1], [""])
    working.cancel()

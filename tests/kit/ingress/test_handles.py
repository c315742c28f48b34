"""Ray's answers, errors, timeouts and cancellations, in the words of the ports."""

import asyncio
import pickle
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, RayTaskError, TaskCancelledError
from ray.serve.exceptions import (
    BackPressureError,
    DeploymentUnavailableError,
    RequestCancelledError,
)

from servekit.contracts import (
    ModelError,
    ModelOverloadedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from servekit.serving.ray import RayTransport


class Response:
    """Stands for a DeploymentResponse: awaits `answer` and notes a cancellation."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self.answer = answer
        self.cancelled = False

    def __await__(self) -> Generator[Any, None, Any]:
        async def wait() -> Any:
            result = self.answer()
            return await result if asyncio.iscoroutine(result) else result

        return wait().__await__()

    def cancel(self) -> None:
        self.cancelled = True


class Handle:
    """Stands for a DeploymentHandle whose calls answer one after the other as told."""

    def __init__(self, *answers: Callable[[], Any]) -> None:
        self.answers = list(answers)
        self.responses: list[Response] = []

    def options(self, **_: Any) -> "Handle":
        return self

    def remote(self, *args: Any) -> Response:
        self.responses.append(Response(self.answers.pop(0)))
        return self.responses[-1]


def raising(error: BaseException) -> Callable[[], Any]:
    def answer() -> Any:
        raise error

    return answer


def over_actors(cause: Exception) -> Exception:
    """The error as a caller gets it when the answer travels between actors."""
    error = RayTaskError("method", "Traceback: s3cret, pid=1, ip=10.0.0.1", cause)
    return error.as_instanceof_cause()


async def call(handle: Handle, timeout_s: float = 5) -> Any:
    return await RayTransport("test", handle, timeout_s).call("method")  # pyright: ignore


@pytest.mark.parametrize(
    ("raised", "seen"),
    [
        (BackPressureError(1, 1), ModelOverloadedError),
        (ModelTimeoutError("late"), ModelTimeoutError),
        (ValueError("s3cret"), ModelError),
        (over_actors(ModelTimeoutError("late")), ModelTimeoutError),
        (over_actors(ValueError("s3cret")), ModelError),
        (over_actors(BackPressureError(1, 1)), ModelOverloadedError),
        (RequestCancelledError("id"), ModelUnavailableError),
        (TaskCancelledError(), ModelUnavailableError),
    ],
    ids=lambda error: getattr(error, "__name__", type(error).__name__),
)
async def test_an_error_is_translated(raised: Exception, seen: type[ModelError]) -> None:
    with pytest.raises(ModelError) as caught:
        await call(Handle(raising(raised)))
    assert type(caught.value) is seen
    assert not {"s3cret", "Traceback", "pid", "10.0.0.1"} & set(str(caught.value).split())


async def test_an_unavailable_deployment_is_worth_retrying() -> None:
    error = DeploymentUnavailableError.__new__(DeploymentUnavailableError)
    with pytest.raises(ModelUnavailableError):
        await call(Handle(raising(error)))


async def test_a_call_whose_replica_died_is_made_once_more() -> None:
    handle = Handle(raising(ActorDiedError()), lambda: "answer")
    assert await call(handle) == "answer"


async def test_a_second_death_is_the_callers_to_retry() -> None:
    handle = Handle(raising(ActorDiedError()), raising(ActorDiedError()))
    with pytest.raises(ModelUnavailableError):
        await call(handle)


async def test_a_late_answer_is_given_up_and_cancelled() -> None:
    handle = Handle(lambda: asyncio.sleep(60))
    with pytest.raises(ModelTimeoutError):
        await call(handle, timeout_s=0.05)
    assert handle.responses[0].cancelled


async def test_a_cancelled_caller_cancels_the_call() -> None:
    handle = Handle(lambda: asyncio.sleep(60))
    task = asyncio.create_task(call(handle))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert handle.responses[0].cancelled


def handle_with(replicas: int, min_replicas: int = 1, assigned: bool = False) -> Handle:
    """A handle that knows of so many replicas, whose call takes a while."""
    handle = Handle(lambda: asyncio.sleep(2, "answer"))
    router = SimpleNamespace(
        _request_router=SimpleNamespace(curr_replicas=dict.fromkeys(range(replicas))),
        _metrics_manager=SimpleNamespace(
            autoscaling_config=SimpleNamespace(min_replicas=min_replicas)
        ),
    )
    known = {
        "_router": SimpleNamespace(_asyncio_router=router),
        "running_replicas_populated": lambda: True,
    }
    for name, value in known.items():
        setattr(handle, name, value)
    if assigned:
        Response._replica_result = "a replica has it"  # pyright: ignore[reportAttributeAccessIssue]
    return handle


@pytest.fixture
def _nothing_assigned() -> Iterator[None]:
    yield
    with suppress(AttributeError):
        del Response._replica_result  # pyright: ignore[reportAttributeAccessIssue]


async def test_without_a_replica_a_call_is_given_up_soon() -> None:
    handle = handle_with(0)
    task = asyncio.create_task(call(handle))
    await asyncio.sleep(1.2)
    assert handle.responses[0].cancelled
    task.cancel()


@pytest.mark.parametrize(
    ("replicas", "options"), [(1, {}), (0, {"min_replicas": 0}), (0, {"assigned": True})]
)
@pytest.mark.usefixtures("_nothing_assigned")
async def test_a_call_that_will_be_answered_is_waited_for(
    replicas: int, options: dict[str, Any]
) -> None:
    assert await call(handle_with(replicas, **options)) == "answer"


class Answers:
    """Stands for a DeploymentResponseGenerator that gives one chunk and then gets stuck."""

    def __init__(self) -> None:
        self.left = [["answer"]]
        self.cancelled = False

    def __aiter__(self) -> "Answers":
        return self

    async def __anext__(self) -> list[str]:
        if not self.left:
            await asyncio.sleep(60)
        return self.left.pop()

    def cancel(self) -> None:
        self.cancelled = True


class StreamingHandle:
    """Stands for a DeploymentHandle whose method streams."""

    def __init__(self) -> None:
        self.answers = Answers()

    def options(self, **_: Any) -> "StreamingHandle":
        return self

    def remote(self, *args: Any) -> Answers:
        return self.answers


async def test_a_stream_that_is_left_is_cancelled() -> None:
    handle = StreamingHandle()
    answers = RayTransport("test", handle, 5).stream("method")  # pyright: ignore
    assert await anext(answers) == "answer"
    await answers.aclose()
    assert handle.answers.cancelled


async def test_a_stream_that_gets_stuck_is_given_up_and_cancelled() -> None:
    handle = StreamingHandle()
    with pytest.raises(ModelTimeoutError):
        [one async for one in RayTransport("test", handle, 0.05).stream("method")]  # pyright: ignore
    assert handle.answers.cancelled


async def test_a_remote_cancellation_does_not_cancel_the_caller() -> None:
    with pytest.raises(ModelUnavailableError):
        await call(Handle(raising(asyncio.CancelledError())))


@pytest.mark.parametrize(
    "kind", [ModelError, ModelOverloadedError, ModelTimeoutError, ModelUnavailableError]
)
def test_every_error_of_the_ports_survives_the_journey(kind: type[ModelError]) -> None:
    copy = pickle.loads(pickle.dumps(kind("a sentence")))
    assert (type(copy), str(copy)) == (kind, "a sentence")

"""The gRPC methods that Ray Serve calls, by their names in the `.proto` file."""

# ruff: noqa: N802

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, Protocol

from fastapi import FastAPI
from google.protobuf.message import Message
from grpc import StatusCode

from servekit.api import Service
from servekit.api.errors import model_problem
from servekit.contracts import TooManyStreamsError
from servekit.contracts.shares import Shares

from .calls import Call, Context
from .messages import failure_of
from .protos.inference_pb2 import (
    ModelInferRequest,
    ModelInferResponse,
    ModelMetadataRequest,
    ModelMetadataResponse,
    ModelReadyRequest,
    ModelReadyResponse,
    ModelStreamInferResponse,
    ServerLiveRequest,
    ServerLiveResponse,
    ServerMetadataRequest,
    ServerMetadataResponse,
    ServerReadyRequest,
    ServerReadyResponse,
)
from .routes import MODEL_INFER, MODEL_METADATA, MODEL_READY, MODEL_STREAM_INFER

CREDENTIAL_CODES = frozenset({StatusCode.UNAUTHENTICATED, StatusCode.PERMISSION_DENIED})
"""They end a stream: no later request in it could do better."""

LAST_READ_S = 0.2
"""How long a stream that has failed is still read, in seconds."""


class Replica(Protocol):
    """The ingress, as far as it is called here."""

    api: FastAPI


# Those of the server are open, as `/health` is over HTTP.


async def ServerLive(self: Replica, request: ServerLiveRequest) -> Message:  # noqa: ARG001
    return ServerLiveResponse(live=True)


async def ServerReady(self: Replica, request: ServerReadyRequest) -> Message:  # noqa: ARG001
    failing, _ = await self.api.state.readiness.findings()
    return ServerReadyResponse(ready=not failing)


async def ServerMetadata(self: Replica, request: ServerMetadataRequest) -> Message:  # noqa: ARG001
    service: Service = self.api.state.service
    return ServerMetadataResponse(name=service.name, version=service.version)


async def ModelReady(self: Replica, request: ModelReadyRequest, grpc_context: Context) -> Message:
    return await _unary(self, MODEL_READY, request, grpc_context, ModelReadyResponse())


async def ModelMetadata(
    self: Replica, request: ModelMetadataRequest, grpc_context: Context
) -> Message:
    return await _unary(self, MODEL_METADATA, request, grpc_context, ModelMetadataResponse())


async def ModelInfer(self: Replica, request: ModelInferRequest, grpc_context: Context) -> Message:
    return await _unary(self, MODEL_INFER, request, grpc_context, ModelInferResponse())


async def _unary(
    replica: Replica, path: str, request: Message, context: Context, nothing: Message
) -> Message:
    # Beside a code that is not OK, `nothing` is not sent.
    answers = [nothing]

    async def give(answer: Message) -> None:
        answers.append(answer)

    await Call(path, request, context, give).put_to(replica.api)
    return answers[-1]


def model_stream_infer(idle_timeout_s: float) -> Callable[..., AsyncIterator[Message]]:
    """Make the method that answers a stream of requests.

    Args:
        idle_timeout_s: How long the next request may take to come, in seconds.
    """

    async def ModelStreamInfer(
        self: Replica, requests: AsyncIterator[ModelInferRequest], grpc_context: Context
    ) -> AsyncIterator[Message]:
        # One at a time: the model is not asked for more than the client reads.
        answers: asyncio.Queue[Message] = asyncio.Queue(1)
        asking = asyncio.create_task(
            _ask(self.api, requests, grpc_context, answers, idle_timeout_s)
        )
        try:
            async for answer in _until(asking, answers):
                yield answer
            if asking.cancelled():  # by what it awaited: nothing has cancelled it here
                grpc_context.set_code(StatusCode.INTERNAL)
                grpc_context.set_details("Internal Server Error")
            ended_well = not asking.cancelled() and await asking
        finally:
            asking.cancel()
            await asyncio.wait([asking])
        if not ended_well:
            await _read_on(requests)
            yield ModelStreamInferResponse()  # brings the code, and is not sent: see EndingServer

    return ModelStreamInfer


async def _until(
    task: asyncio.Task[Any], answers: asyncio.Queue[Message]
) -> AsyncIterator[Message]:
    """Yield what a task puts into the queue, until it has ended, in whatever way."""
    while not (task.done() and answers.empty()):
        getting = asyncio.ensure_future(answers.get())
        try:
            await asyncio.wait([getting, task], return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                yield getting.result()
        finally:
            getting.cancel()


async def _ask(
    api: FastAPI,
    requests: AsyncIterator[ModelInferRequest],
    context: Context,
    answers: asyncio.Queue[Message],
    idle_timeout_s: float,
) -> bool:
    """Answer the requests of a stream, one after the other; return whether it ends with OK."""
    # Opened as a request of its own, so that guards and limits have let the client in before it
    # may hold a place of the replica without asking anything.
    opening = Call(MODEL_STREAM_INFER, None, context, answers.put)
    await opening.put_to(api)
    if opening.failed:
        return False
    shares: Shares = api.state.shares
    try:
        with shares.held(opening.caller):
            return await _answer_each(api, requests, context, answers, idle_timeout_s)
    except TooManyStreamsError as error:
        problem = model_problem(error)
        opening.refuse(problem["status"], problem)
        return False


async def _answer_each(
    api: FastAPI,
    requests: AsyncIterator[ModelInferRequest],
    context: Context,
    answers: asyncio.Queue[Message],
    idle_timeout_s: float,
) -> bool:
    stream = StreamContext(context)
    while True:
        try:
            async with asyncio.timeout(idle_timeout_s):
                request = await anext(requests)
        except StopAsyncIteration:
            return True
        except TimeoutError:
            context.set_code(StatusCode.CANCELLED)
            context.set_details("The stream has been idle for too long.")
            return False
        call = Call(MODEL_STREAM_INFER, request, stream, answers.put)
        await call.put_to(api)
        if call.failed and stream.code in CREDENTIAL_CODES:
            context.set_code(stream.code)
            context.set_details(stream.details)
            return False
        if call.failed:
            await answers.put(failure_of(request, stream.details))


async def _read_on(requests: AsyncIterator[ModelInferRequest]) -> None:
    """Drop what a client sends until it has sent all, for a short time.

    A client on `grpc.aio` whose write finds its stream ended reports INTERNAL, and forgets the code
    that the server sent (grpcio 1.85, `_StreamRequestMixin._write`).
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_READ_S):
            async for _ in requests:
                pass


class StreamContext:
    """The context of each request in a stream: the failure of one is not that of the stream."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._is_first = True
        self.code = StatusCode.OK
        self.details = ""

    def invocation_metadata(self) -> Any:
        return self._context.invocation_metadata()

    def trailing_metadata(self) -> Any:
        return self._context.trailing_metadata()

    def peer(self) -> str:
        return self._context.peer()

    def set_code(self, code: StatusCode) -> None:
        self.code = code

    def set_details(self, details: str) -> None:
        self.details = details

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        # Serve's Python proxy listens no longer than until the first answer.
        if self._is_first:
            self._context.set_trailing_metadata(trailing_metadata)
        self._is_first = False

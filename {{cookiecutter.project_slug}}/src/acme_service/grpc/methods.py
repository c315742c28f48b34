"""What Ray Serve calls when a call comes. Its names are those in the `.proto` file."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from fastapi import FastAPI
from google.protobuf.message import Message

from .calls import Call, Context
from .protos.language.v1.detector_pb2 import DetectRequest, DetectResponse
from .routes import DETECT, DETECT_STREAM


class Replica(Protocol):
    """The ingress, as far as it is called here."""

    api: FastAPI


async def Detect(  # noqa: N802
    self: Replica, request: DetectRequest, grpc_context: Context
) -> Message:
    # Beside a code that is not OK, the message is not sent.
    answers: list[Message] = [DetectResponse()]

    async def give(answer: Message) -> None:
        answers.append(answer)

    await Call(DETECT, request, grpc_context, give).put_to(self.api)
    return answers[-1]


async def DetectStream(  # noqa: N802
    self: Replica, request: DetectRequest, grpc_context: Context
) -> AsyncIterator[Message]:
    # One at a time: the model is not asked for more than its caller reads.
    answers: asyncio.Queue[Message | None] = asyncio.Queue(1)
    call = Call(DETECT_STREAM, request, grpc_context, answers.put)

    async def ask() -> None:
        try:
            await call.put_to(self.api)
        except Exception:
            await answers.put(None)
            raise
        await answers.put(None)

    asking = asyncio.create_task(ask())
    try:
        while (answer := await answers.get()) is not None:
            yield answer
        await asking
    finally:
        asking.cancel()
        await asyncio.wait([asking])
    if call.failed:
        yield DetectResponse()  # brings the code, and is not sent: see EndingServer

"""Callers that speak gRPC, and the service without Ray for them to call."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import grpc
from fastapi import FastAPI
from grpc.aio import AioRpcError
from grpc_health.v1.health_pb2_grpc import HealthStub

from servekit.testing.authenticated_client import HEADERS

from acme_service.grpc import grpc as door
from acme_service.grpc.protos.language.v1.detector_pb2 import (
    DetectRequest,
)
from acme_service.grpc.protos.language.v1.detector_pb2_grpc import (
    LanguageDetectorStub,
)
from acme_service.grpc.servicers import health, language_detector

__all__ = ["Client", "DetectRequest", "calling", "in_process", "refusal"]

CREDENTIALS = [(name.lower(), value) for name, value in HEADERS.items()]
"""What lets the tests in."""


class Client:
    """A client of the service.

    application: the one that is asked; several of them may share a cluster.
    """

    def __init__(self, channel: grpc.aio.Channel, application: str = "default") -> None:
        self.channel = channel
        # gRPC's own stubs know what a stub is made of, and nothing of `grpc.aio`.
        self._detector: Any = LanguageDetectorStub(channel)
        self._health: Any = HealthStub(channel)
        self.metadata = [("application", application), *CREDENTIALS]
        self.detect = self._detector.Detect
        self.detect_stream = self._detector.DetectStream
        self.check = self._health.Check
        self.list_health = self._health.List
        self.watch = self._health.Watch


@asynccontextmanager
async def calling(port: int, application: str = "default") -> AsyncIterator[Client]:
    """A client of one application, by its name or its route prefix."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Client(channel, application.strip("/"))


@asynccontextmanager
async def in_process(api: FastAPI) -> AsyncIterator[Client]:
    """What Ray Serve makes of the door, made by gRPC's own server."""

    replica = SimpleNamespace(api=api)
    door().bind(replica)
    server = grpc.aio.server()
    language_detector(replica, server)
    health(replica, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with calling(port) as caller:
            yield caller
    finally:
        await server.stop(grace=None)
        # The server does not wait for calls that it cancels. Told of their ends later, gRPC would
        # tell this loop, which is closed then, and the next test would fail for it.
        if cancelled := [one for one in asyncio.all_tasks() if one.get_name() == "rpc_task"]:
            await asyncio.wait(cancelled)


async def refusal(call: Any) -> AioRpcError:
    """How a call is refused, whether it has one answer or many."""
    try:
        if isinstance(call, grpc.aio.UnaryUnaryCall):
            await call
        else:
            async for _ in call:
                pass
    except AioRpcError as error:
        return error
    raise AssertionError("The call was answered.")

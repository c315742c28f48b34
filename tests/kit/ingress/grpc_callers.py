"""Clients that speak gRPC, and the service without Ray for them to call."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import grpc
from fastapi import FastAPI
from grpc.aio import AioRpcError
from grpc_health.v1.health_pb2_grpc import HealthStub

from servekit.ingress.grpc import grpc as transport
from servekit.ingress.grpc.messages import CONTENTS
from servekit.ingress.grpc.protos.inference_pb2 import (
    ModelInferRequest,
    ModelInferResponse,
    ModelStreamInferResponse,
)
from servekit.ingress.grpc.protos.inference_pb2_grpc import GRPCInferenceServiceStub
from servekit.ingress.grpc.servicers import health, inference
from servekit.ingress.grpc.settings import GrpcStreamSettings
from servekit.testing.authenticated_client import HEADERS

__all__ = ["Client", "asking", "calling", "in_process", "outputs_of", "refusal", "texts"]

CREDENTIALS = [(name.lower(), value) for name, value in HEADERS.items()]
"""What lets the tests in."""


def asking(model: str, **tensors: tuple[str, list[int], list[Any]]) -> ModelInferRequest:
    """A request with these tensors: datatype, shape and elements, by name."""
    request = ModelInferRequest(model_name=model)
    for name, (datatype, shape, data) in tensors.items():
        given = request.inputs.add(name=name, datatype=datatype, shape=shape)
        getattr(given.contents, CONTENTS[datatype]).extend(data)
    return request


def texts(*several: str, model: str = "language") -> ModelInferRequest:
    """A request to a model that takes texts."""
    return asking(model, text=("BYTES", [len(several)], [one.encode() for one in several]))


def outputs_of(answer: ModelInferResponse) -> dict[str, list[Any]]:
    """The elements of each tensor of an answer that is not binary."""
    return {one.name: [*getattr(one.contents, CONTENTS[one.datatype])] for one in answer.outputs}


class Client:
    """A client of the service.

    application: the one that is asked; several of them may share a cluster.
    """

    def __init__(self, channel: grpc.aio.Channel, application: str = "default") -> None:
        self.channel = channel
        # gRPC's own stubs know what a stub is made of, and nothing of `grpc.aio`.
        service: Any = GRPCInferenceServiceStub(channel)
        of_health: Any = HealthStub(channel)
        self.metadata = [("application", application), *CREDENTIALS]
        self.service = service
        self.infer = service.ModelInfer
        self.check = of_health.Check
        self.list_health = of_health.List
        self.watch = of_health.Watch

    def stream(self, *requests: ModelInferRequest, **options: Any) -> Any:
        """One stream with these requests."""
        return self.service.ModelStreamInfer(_each(requests), **options)

    async def languages(self, *requests: ModelInferRequest, **options: Any) -> list[str]:
        """The languages that a stream with these requests brings."""
        answers: AsyncIterator[ModelStreamInferResponse] = self.stream(*requests, **options)
        return [
            outputs_of(one.infer_response)["language"][0].decode()
            async for one in answers
            if one.infer_response.outputs
        ]


async def _each(requests: Iterable[ModelInferRequest]) -> AsyncIterator[ModelInferRequest]:
    for request in requests:
        yield request


@asynccontextmanager
async def calling(port: int, application: str = "default") -> AsyncIterator[Client]:
    """A client of one application, by its name or its route prefix."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Client(channel, application.strip("/"))


@asynccontextmanager
async def in_process(
    api: FastAPI, settings: GrpcStreamSettings | None = None
) -> AsyncIterator[Client]:
    """What Ray Serve makes of the transport, made by gRPC's own server."""

    replica = Offering()
    replica.api = api
    transport(settings).bind(replica)
    server = grpc.aio.server()
    inference(replica, server)
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


class Offering(SimpleNamespace):
    """A replica. Serve gives the context only to methods that take it."""

    def __setattr__(self, name: str, method: Any) -> None:
        async def without_context(request: Any, _: Any) -> Any:
            return await method(request)

        super().__setattr__(name, without_context if name.startswith("Server") else method)


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

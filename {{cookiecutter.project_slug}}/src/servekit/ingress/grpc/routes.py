"""The routes of calls. A request over HTTP finds a 404 here, and OpenAPI lists none of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from google.protobuf.message import Message
from starlette.types import Receive, Scope, Send

from servekit.api.errors import ProblemError, model_problem
from servekit.api.model_header import set_model_header
from servekit.api.models import known_model
from servekit.api.routers import PrefixRouter
from servekit.api.streams import started
from servekit.contracts import CHAMPION, ModelError, Ports, Prediction
from servekit.inference.models import card_of, metadata_of, predicted, predictor_of, understood
from servekit.inference.signature import Signature, Signatures

from .calls import CALL, Call
from .messages import piece_of, response_of, tensors_of, wants_final
from .protos.inference_pb2 import (
    ModelInferRequest,
    ModelInferResponse,
    ModelMetadataResponse,
    ModelReadyResponse,
)

SERVICE = "inference.GRPCInferenceService"
PREFIX = f"/{SERVICE}"
MODEL_READY = f"{PREFIX}/ModelReady"
MODEL_METADATA = f"{PREFIX}/ModelMetadata"
MODEL_INFER = f"{PREFIX}/ModelInfer"
MODEL_STREAM_INFER = f"{PREFIX}/ModelStreamInfer"


class Answers(Response):
    """Gives messages to the call. The answer itself has no body."""

    def __init__(self, messages: AsyncIterator[Message], reference: str = "") -> None:
        super().__init__()
        self._messages = messages
        if reference:
            set_model_header(self, reference)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call: Call = scope[CALL]
        headers = self.raw_headers
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        try:
            async for message in self._messages:
                await call.give(message)
        except ModelError as error:
            problem = model_problem(error)
            call.fail(problem["status"], problem)
        await send({"type": "http.response.body", "body": b""})


@dataclass(frozen=True)
class ModelRequest:
    """What a call asks of a model.

    Attributes:
        message: The request.
        signature: Of the model.
        items: As the contract has them.
        version: The reference of the version that shall answer.
    """

    message: ModelInferRequest
    signature: Signature
    items: list[Any]
    version: str


def message_of(request: Request) -> Any:
    """Return the message of the call. Raise a 404 for a request that came over HTTP."""
    call: Call | None = request.scope.get(CALL)
    if call is None:
        raise HTTPException(404)
    return call.request


async def only(message: Message) -> AsyncIterator[Message]:
    yield message


async def nothing() -> AsyncIterator[Message]:
    """No messages."""
    return
    yield


def models_router(signatures: Signatures) -> APIRouter:
    """Make the routes of the calls that are about a model.

    Args:
        signatures: Of every model, by name.
    """
    router = PrefixRouter(PREFIX, include_in_schema=False)

    # First, as the busiest.
    @router.post("/ModelInfer")
    async def model_infer(request: Request) -> Response:
        answer, reference = await _answer(request, await _model_request(request, signatures))
        return Answers(only(answer), reference)

    @router.post("/ModelReady")
    async def model_ready(request: Request) -> Response:
        message = message_of(request)
        ports: Ports = request.app.state.ports
        model = known_model(ports, message.name)
        try:
            if message.version:
                await card_of(ports, message.name, message.version)
            await model.check()
        except ModelError:
            return Answers(only(ModelReadyResponse(ready=False)))
        return Answers(only(ModelReadyResponse(ready=True)))

    @router.post("/ModelMetadata")
    async def model_metadata(request: Request) -> Response:
        message = message_of(request)
        card = await card_of(request.app.state.ports, message.name, message.version or CHAMPION)
        metadata = metadata_of(card, message.name, signatures[message.name])
        for tensor in (*metadata["inputs"], *metadata["outputs"]):
            tensor.pop("parameters", None)  # which the message has no field for
        return Answers(only(ModelMetadataResponse(**metadata)))

    async def pieces(request: Request) -> AsyncIterator[Response]:
        async with _started(request, signatures) as answers:
            yield answers

    @router.post("/ModelStreamInfer")
    async def model_stream_infer(answers: Annotated[Any, Depends(pieces)]) -> Response:
        return answers

    return router


# Called by the routes, not a dependency of theirs: FastAPI takes some ten microseconds for one.


async def _model_request(request: Request, signatures: Signatures) -> ModelRequest:
    message: ModelInferRequest = message_of(request)
    ports: Ports = request.app.state.ports
    known_model(ports, message.model_name)
    version = CHAMPION
    if message.model_version:
        version = (await card_of(ports, message.model_name, message.model_version)).reference
    signature = signatures[message.model_name]
    items = await understood(message.ByteSize(), _items, message, signature)
    return ModelRequest(message, signature, items, version)


@asynccontextmanager
async def _started(request: Request, signatures: Signatures) -> AsyncIterator[Response]:
    """Give the answers to a request of a stream, once the first one is there."""
    if message_of(request) is None:
        yield Answers(nothing())  # the stream opens
        return
    asked = await _model_request(request, signatures)
    message = asked.message
    if not request.app.state.ports.contracts[message.model_name].streams:
        answer, reference = await _answer(request, asked)
        yield Answers(only(piece_of(answer, is_final=True)), reference)
        return
    if len(asked.items) > 1:
        raise ProblemError(
            422, "A stream takes one item: the first dimension of every tensor must be 1."
        )
    predictor = predictor_of(request, message.model_name)
    stream = predictor.stream(asked.items[0], asked.version)
    async with started(stream) as (first, predictions):
        reference = first.version if first else ""
        yield Answers(_pieces(asked, predictions, reference), reference)


def _items(message: ModelInferRequest, signature: Signature) -> list[Any]:
    signature.check_outputs(one.name for one in message.outputs)
    return signature.items(tensors_of(message))


async def _answer(request: Request, asked: ModelRequest) -> tuple[ModelInferResponse, str]:
    """Answer a request, and return the reference of the version with it."""
    predictor = predictor_of(request, asked.message.model_name)
    predictions = await predicted(predictor, asked.items, asked.version)
    return _response(asked, predictions), predictions[0].version


def _response(asked: ModelRequest, predictions: list[Prediction[Any]]) -> ModelInferResponse:
    version = predictions[0].version.partition(":")[2]
    tensors = asked.signature.tensors([one.value for one in predictions])
    return response_of(asked.message, version, tensors)


async def _pieces(
    asked: ModelRequest, predictions: AsyncIterator[Prediction[Any]], reference: str
) -> AsyncIterator[Message]:
    empty = True
    async for prediction in predictions:
        yield piece_of(_response(asked, [prediction]), is_final=False)
        empty = False
    if empty or wants_final(asked.message):
        version = reference.partition(":")[2]
        end = ModelInferResponse(
            model_name=asked.message.model_name, model_version=version, id=asked.message.id
        )
        yield piece_of(end, is_final=True)

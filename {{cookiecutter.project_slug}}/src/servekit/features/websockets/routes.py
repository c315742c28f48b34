"""The socket of a model."""

import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, WebSocket
from pydantic import TypeAdapter

from servekit.api.audit_trail import note
from servekit.api.contract_types import input_type
from servekit.api.dependencies import CurrentSettings, predictor
from servekit.api.errors import ProblemError
from servekit.api.models import written
from servekit.api.routers import PrefixRouter
from servekit.api.streams import share_held
from servekit.contracts import Contract, Prediction, Predictor

from .messages import Exchange
from .session import Session
from .settings import WebsocketsSettings


async def known_origin(socket: WebSocket, settings: CurrentSettings) -> None:
    """Refuse pages from elsewhere, unless `API_CORS_ORIGINS` lets them in.

    CORS does not cover sockets: a browser opens one to anywhere, and the server has to check.
    """
    origin = socket.headers.get("origin")
    if origin is None or {origin, "*"} & set(settings.cors_origins):
        return
    if origin.partition("://")[2] != socket.headers.get("host"):
        note(socket, reason="unknown origin", origin=origin[:200])
        raise ProblemError(403, "Pages of this origin may not connect.")


def socket_router(contract: Contract, prefix: str, settings: WebsocketsSettings) -> APIRouter:
    """`WS {prefix}/ws`: messages are items of the contract as JSON.

    Answers are `{"type", "model", "value"}`: where the contract streams, a `prediction` for each
    piece; then `done` with the last one, or `error` with a problem.
    """
    router = PrefixRouter(prefix, dependencies=[Depends(known_origin)])
    Model = Annotated[Predictor[Any, Any], Depends(predictor(contract))]  # noqa: N806
    input_: TypeAdapter[Any] = TypeAdapter(input_type(contract))
    output: TypeAdapter[Any] = TypeAdapter(contract.output)

    @router.websocket("/ws", name=f"{contract.name}_socket")
    async def socket(
        socket: WebSocket,
        model: Model,  # pyright: ignore[reportInvalidTypeForm]
    ) -> None:
        exchange = Exchange(
            read=input_.validate_json,
            ask=partial(_predictions, model, contract.streams),
            write=partial(answer_text, contract, output),
            pieces=contract.streams,
        )
        with share_held(socket):
            await Session(socket, exchange, settings).hold()

    return router


async def _predictions(
    model: Predictor[Any, Any], streams: bool, item: Any
) -> AsyncIterator[Prediction[Any]]:
    if not streams:
        yield await model.predict(item)
        return
    async for prediction in model.stream(item):
        yield prediction


def answer_text(
    contract: Contract, output: TypeAdapter[Any], prediction: Prediction[Any] | None, is_last: bool
) -> str:
    kind = "done" if is_last else "prediction"
    if prediction is None:
        return json.dumps({"type": kind})
    head = json.dumps({"type": kind, "model": prediction.version}).removesuffix("}")
    return f'{head}, "value": {written(contract, output, prediction.value)}}}'

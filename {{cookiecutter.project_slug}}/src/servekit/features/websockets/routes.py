"""The socket of a model."""

import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, WebSocket
from pydantic import TypeAdapter

from servekit.api.dependencies import CurrentSettings
from servekit.api.errors import ProblemError
from servekit.api.models import Asking, asking, written
from servekit.contracts import Contract, Prediction

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
        raise ProblemError(403, "Pages of this origin may not connect.")


def socket_router(contract: Contract, prefix: str, settings: WebsocketsSettings) -> APIRouter:
    """`WS {prefix}/ws`: messages are items of the contract as JSON.

    Answers are `{"type", "model", "value"}`: where the contract streams, a `prediction` for each
    piece; then `done` with the last one, or `error` with a problem.
    """
    router = APIRouter(prefix=prefix, dependencies=[Depends(known_origin)])
    Ask = Annotated[Asking, Depends(asking(contract))]  # noqa: N806
    input_: TypeAdapter[Any] = TypeAdapter(contract.input)
    output: TypeAdapter[Any] = TypeAdapter(contract.output)

    @router.websocket("/ws", name=f"{contract.name}_socket")
    async def socket(
        socket: WebSocket,
        ask: Ask,  # pyright: ignore[reportInvalidTypeForm]
    ) -> None:
        exchange = Exchange(
            read=input_.validate_json,
            ask=partial(_predictions, ask, contract.streams),
            write=partial(_message, contract, output),
            pieces=contract.streams,
        )
        await Session(socket, exchange, settings).hold()

    return router


async def _predictions(ask: Asking, streams: bool, item: Any) -> AsyncIterator[Prediction[Any]]:
    version = ask.version(item)
    if not streams:
        yield await ask.model.predict(item, version)
        return
    async for prediction in ask.model.stream(item, version):
        yield prediction


def _message(
    contract: Contract, output: TypeAdapter[Any], prediction: Prediction[Any] | None, is_last: bool
) -> str:
    kind = "done" if is_last else "prediction"
    if prediction is None:
        return json.dumps({"type": kind})
    head = json.dumps({"type": kind, "model": prediction.version}).removesuffix("}")
    return f'{head}, "value": {written(contract, output, prediction.value)}}}'

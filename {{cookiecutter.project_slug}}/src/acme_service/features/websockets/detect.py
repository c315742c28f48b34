"""A socket that guesses the language of a text while it grows."""

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, WebSocket

from servekit.contracts import Prediction
from servekit.features.websockets.messages import Exchange
from servekit.features.websockets.routes import known_origin
from servekit.features.websockets.session import Session
from servekit.features.websockets.settings import WebsocketsSettings

from acme_service.api.dependencies import Detector
from acme_service.api.hints import CurrentHints
from acme_service.api.v1.schemas import DEFAULT_TOP, DetectionOut, TextIn, Top
from acme_service.contracts.language import Detection


class AnswerOut(DetectionOut):
    """A v1 answer: a guess about the words so far, or the last word on all of them.

    model: the name and the version of the model that has answered.
    """

    type: Literal["guess", "done"]
    model: str


def write(top: int, prediction: Prediction[Any] | None, is_last: bool) -> str:
    """The message to a client."""
    detection = prediction.value if prediction else Detection()
    answer = AnswerOut(
        **DetectionOut.of(detection, top).model_dump(),
        type="done" if is_last else "guess",
        model=prediction.version if prediction else "",
    )
    return answer.model_dump_json()


def detect_router(settings: WebsocketsSettings) -> APIRouter:
    router = APIRouter(prefix="/v1/ws", dependencies=[Depends(known_origin)])

    @router.websocket("/detect")
    async def detect(
        socket: WebSocket,
        detector: Detector,
        hints: CurrentHints,
        top: Annotated[Top, Query()] = DEFAULT_TOP,
    ) -> None:
        exchange = Exchange(
            read=TextIn.model_validate_json,
            ask=lambda body: detector.stream(hints.query(body.text), hints.version(body.text)),
            write=partial(write, top),
        )
        await Session(socket, exchange, settings).hold()

    return router

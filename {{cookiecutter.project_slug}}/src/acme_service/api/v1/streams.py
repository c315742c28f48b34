"""Answers that arrive piece by piece."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from servekit.api.errors import DOCUMENTED, model_problem
from servekit.api.model_header import DOCUMENTS_MODEL, set_model_header
from servekit.api.streams import started
from servekit.contracts import ModelError, Prediction

from acme_service.api.dependencies import Detector
from acme_service.api.hints import CurrentHints
from acme_service.contracts.language import Detection

from .schemas import DetectionOut, TextIn, TextsIn

router = APIRouter(prefix="/v1/detect", tags=["v1"], responses=DOCUMENTED | DOCUMENTS_MODEL)


Detections = AsyncIterator[Prediction[Detection]]


async def detections(
    body: TextsIn, detector: Detector, hints: CurrentHints, response: Response
) -> AsyncIterator[Detections]:
    version = hints.version(*body.texts)
    each = detector.predict_each(hints.queries(body.texts), version)
    async with started(each) as (first, answers):
        set_model_header(response, first.version if first else "")
        yield answers


async def guesses(
    body: TextIn, detector: Detector, hints: CurrentHints, response: Response
) -> AsyncIterator[Detections]:
    guesses = detector.stream(hints.query(body.text), hints.version(body.text))
    async with started(guesses) as (first, answers):
        set_model_header(response, first.version if first else "")
        yield answers


@router.post("/lines")
async def detect_lines(
    answers: Annotated[Detections, Depends(detections)],
) -> AsyncIterator[DetectionOut]:
    """JSON Lines: one answer a text, in order, each as soon as it is done.

    A stream that is cut before its last line means that the model failed on the way.
    """
    async for prediction in answers:
        yield DetectionOut.of(prediction.value)


@router.post("/stream", response_class=EventSourceResponse)
async def detect_stream(
    answers: Annotated[Detections, Depends(guesses)],
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: a `guess` for every further word, then `done` or `error`."""
    guess = DetectionOut.of(Detection())
    try:
        async for prediction in answers:
            guess = DetectionOut.of(prediction.value)
            yield ServerSentEvent(event="guess", data=guess)
    except ModelError as error:
        yield ServerSentEvent(event="error", data=model_problem(error))
    else:
        yield ServerSentEvent(event="done", data=guess)

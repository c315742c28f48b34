"""Answers that arrive piece by piece."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from servekit.api.errors import DOCUMENTED, model_problem
from servekit.api.streams import started
from servekit.contracts import ModelError

from acme_service.api.answered_by import DOCUMENTS_MODEL, set_model_header
from acme_service.api.dependencies import Detector
from acme_service.api.hints import CurrentHints
from acme_service.ports import Detection

from .schemas import DetectionOut, TextIn, TextsIn

router = APIRouter(prefix="/v1/detect", tags=["v1"], responses=DOCUMENTED | DOCUMENTS_MODEL)


async def detections(
    body: TextsIn, detector: Detector, hints: CurrentHints, response: Response
) -> AsyncIterator[AsyncIterator[Detection]]:
    async with started(detector.detect_each(hints.queries(body.texts))) as (first, answers):
        set_model_header(response, first)
        yield answers


async def guesses(
    body: TextIn, detector: Detector, hints: CurrentHints, response: Response
) -> AsyncIterator[AsyncIterator[Detection]]:
    async with started(detector.guesses(hints.query(body.text))) as (first, answers):
        set_model_header(response, first)
        yield answers


@router.post("/lines")
async def detect_lines(
    answers: Annotated[AsyncIterator[Detection], Depends(detections)],
) -> AsyncIterator[DetectionOut]:
    """JSON Lines: one answer a text, in order, each as soon as it is done.

    A stream that is cut before its last line means that the model failed on the way.
    """
    async for detection in answers:
        yield DetectionOut.of(detection)


@router.post("/stream", response_class=EventSourceResponse)
async def detect_stream(
    answers: Annotated[AsyncIterator[Detection], Depends(guesses)],
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: a `guess` for every further word, then `done` or `error`."""
    guess = DetectionOut.of(Detection())
    try:
        async for detection in answers:
            guess = DetectionOut.of(detection)
            yield ServerSentEvent(event="guess", data=guess)
    except ModelError as error:
        yield ServerSentEvent(event="error", data=model_problem(error))
    else:
        yield ServerSentEvent(event="done", data=guess)

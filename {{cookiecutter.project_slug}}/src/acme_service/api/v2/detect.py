"""Many texts in, one answer each, with the model that gave it."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, StringConstraints

from acme_service.api.answered_by import NAMES_MODEL, name_model
from acme_service.api.dependencies import CurrentSettings, Detector
from acme_service.api.errors import DOCUMENTED
from acme_service.api.hints import CurrentHints

router = APIRouter(prefix="/v2", tags=["v2"], responses=DOCUMENTED | NAMES_MODEL)

MAX_TEXT_CHARS = 10_000
MAX_TEXTS = 1_000

Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT_CHARS)]


class TextsIn(BaseModel):
    texts: Annotated[list[Text], Field(min_length=1, max_length=MAX_TEXTS)]


class Result(BaseModel):
    """reliable: the best language leads the second by a clear margin."""

    language: str
    score: float
    reliable: bool


class Model(BaseModel):
    name: str
    version: str


class Results(BaseModel):
    results: list[Result]
    model: Model


@router.post("/detect")
async def detect(
    body: TextsIn,
    detector: Detector,
    hints: CurrentHints,
    settings: CurrentSettings,
    response: Response,
) -> Results:
    """Tell which language each text is written in."""
    detections = await detector.detect_batch(hints.queries(body.texts))
    name_model(response, detections[0])
    reference = detections[0].model or (await detector.card()).reference
    name, _, version = reference.partition(":")
    return Results(
        results=[
            Result(
                language=detection.language,
                score=detection.score,
                reliable=detection.lead >= settings.reliable_margin,
            )
            for detection in detections
        ],
        model=Model(name=name, version=version),
    )

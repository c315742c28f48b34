"""Two models, one answer."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from acme_service.api.answered_by import NAMES_MODEL, name_model
from acme_service.api.dependencies import Detector, Sentiments
from acme_service.api.errors import DOCUMENTED
from acme_service.api.hints import CurrentHints

from .schemas import TextIn

router = APIRouter(prefix="/v1", tags=["v1"], responses=DOCUMENTED | NAMES_MODEL)

UNDERSTOOD = "en"
"""The one language that the sentiment model reads."""


class SentimentOut(BaseModel):
    """score: from -1 (negative) to 1 (positive)."""

    label: Literal["positive", "neutral", "negative"]
    score: float


class AnalysisOut(BaseModel):
    """sentiment is null for a text that is not English."""

    language: str
    score: float
    sentiment: SentimentOut | None


@router.post("/analyze")
async def analyze(
    body: TextIn,
    detector: Detector,
    sentiments: Sentiments,
    hints: CurrentHints,
    response: Response,
) -> AnalysisOut:
    """Tell the language of a text and, where it is English, its mood.

    A pipeline with a router: only English texts travel on to the second model.
    """
    detection = await detector.detect(hints.query(body.text))
    name_model(response, detection)
    sentiment = None
    if detection.language == UNDERSTOOD:
        label, score = await sentiments.classify(body.text)
        sentiment = SentimentOut(label=label, score=score)
    return AnalysisOut(language=detection.language, score=detection.score, sentiment=sentiment)

"""Several models, one answer. What is asked when stands in `ensemble.py`."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from servekit.api.dependencies import CurrentPorts
from servekit.api.errors import DOCUMENTED
from servekit.api.model_header import DOCUMENTS_MODEL, set_model_header

from acme_service.api.dependencies import Detector
from acme_service.api.hints import CurrentHints
from acme_service.contracts.language import Text

from . import ensemble

router = APIRouter(prefix="/v1", tags=["language"], responses=DOCUMENTED | DOCUMENTS_MODEL)


class TextIn(BaseModel):
    text: Text

    model_config = {"json_schema_extra": {"examples": [{"text": "What a lovely day."}]}}


class SentimentOut(BaseModel):
    """The mood of a text, with a score from -1 (negative) to 1 (positive)."""

    label: Literal["positive", "neutral", "negative"]
    score: float


class VoteOut(BaseModel):
    """What one model says; `und` abstains."""

    model: str
    language: str
    score: float


class AnalysisOut(BaseModel):
    """The language of a text by a vote, and its mood.

    sentiment: null for a text that is not English, and where `missing` names it.
    votes: of the models that tell languages apart, the own one first. The language with the
    highest sum of scores wins; score is that sum, divided by the number of votes.
    missing: models that did not answer in time: opinion has no vote then, or sentiment no mood.
    """

    language: str
    score: float
    sentiment: SentimentOut | None
    votes: list[VoteOut]
    missing: list[Literal["opinion", "sentiment"]]


@router.post("/analyze")
async def analyze(
    body: TextIn,
    ports: CurrentPorts,
    detector: Detector,
    hints: CurrentHints,
    response: Response,
) -> AnalysisOut:
    """Tell the language of a text and, where it is English, its mood.

    Two models vote on the language; only English texts travel on to a third. Without the
    second vote or the mood the answer is still an answer, and says in `missing` what it lacks.
    Without the first model it is a 503 with `Retry-After`, or a 504.
    """
    analysis = await ensemble.analyze(ports, detector, hints.query(body.text))
    set_model_header(response, analysis.version)
    return AnalysisOut.model_validate(analysis, from_attributes=True)

"""What goes in and comes out, the same for every peer."""

from my_service.contracts.language import Detection
from pydantic import BaseModel


class TextIn(BaseModel):
    text: str


class TextsIn(BaseModel):
    texts: list[str]


class CandidateOut(BaseModel):
    language: str
    score: float


class DetectionOut(BaseModel):
    language: str
    score: float
    candidates: list[CandidateOut]


class BatchOut(BaseModel):
    results: list[DetectionOut]


def answer(found: Detection) -> DetectionOut:
    """The best three, as the service answers by default."""
    candidates = [CandidateOut(language=code, score=score) for code, score in found.candidates[:3]]
    return DetectionOut(language=found.language, score=found.score, candidates=candidates)

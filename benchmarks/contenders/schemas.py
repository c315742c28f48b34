"""What goes in and comes out, the same for every peer."""

from my_service.contracts.language import Detection
from pydantic import BaseModel


class TextIn(BaseModel):
    text: str


class ItemsIn(BaseModel):
    items: list[TextIn]

    @property
    def texts(self) -> list[str]:
        return [item.text for item in self.items]


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
    """The best three, as the service answers."""
    candidates = [CandidateOut(**one) for one in found.candidates]
    return DetectionOut(language=found.language, score=found.score, candidates=candidates)

"""What version 1 takes and gives."""

from collections.abc import Iterable
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, StringConstraints

from acme_service.contracts.language import MAX_CANDIDATES, Detection

MAX_TEXT_CHARS = 10_000
MAX_TEXTS = 1_000
DEFAULT_TOP = 3

Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT_CHARS)]
Top = Annotated[int, Field(ge=1, le=MAX_CANDIDATES)]


class TextIn(BaseModel):
    text: Text

    model_config = {"json_schema_extra": {"examples": [{"text": "Das ist ein schöner Tag."}]}}


class TextsIn(BaseModel):
    texts: Annotated[list[Text], Field(min_length=1, max_length=MAX_TEXTS)]

    model_config = {"json_schema_extra": {"examples": [{"texts": ["Guten Tag", "Good day"]}]}}


class CandidateOut(BaseModel):
    """A language, and a score in [0, 1] that ranks it; it is not a probability."""

    language: str
    score: float


class DetectionOut(BaseModel):
    """The best candidate, and the best few with it. `und` has score 0 and no candidates."""

    language: str
    score: float
    candidates: list[CandidateOut]

    @classmethod
    def of(cls, detection: Detection, top: int = DEFAULT_TOP) -> Self:
        return cls.model_validate(_answer(detection, top))


class BatchOut(BaseModel):
    results: list[DetectionOut]

    @classmethod
    def of(cls, detections: Iterable[Detection], top: int = DEFAULT_TOP) -> Self:
        return cls.model_validate({"results": [_answer(one, top) for one in detections]})


def _answer(detection: Detection, top: int) -> dict[str, Any]:
    # Pydantic makes all models of an answer in Rust; one by one, a batch takes half as long again.
    best = zip(detection.languages[:top], detection.scores[:top], strict=True)
    return {
        "language": detection.language,
        "score": detection.score,
        "candidates": [{"language": language, "score": score} for language, score in best],
    }

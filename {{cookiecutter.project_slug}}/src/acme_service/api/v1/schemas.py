"""What version 1 takes and gives. Version 2 has schemas of its own."""

from typing import Annotated, Self

from pydantic import BaseModel, Field, StringConstraints

from acme_service.ports import MAX_CANDIDATES, Detection

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


class CandidateOut(BaseModel):
    """score ranks candidates, in [0, 1]; it is not a probability."""

    language: str
    score: float


class DetectionOut(BaseModel):
    """The best candidate, and the best few with it. `und` has score 0 and no candidates."""

    language: str
    score: float
    candidates: list[CandidateOut]

    @classmethod
    def of(cls, detection: Detection, top: int = DEFAULT_TOP) -> Self:
        return cls(
            language=detection.language,
            score=detection.score,
            candidates=[
                CandidateOut(language=language, score=score)
                for language, score in zip(
                    detection.languages[:top], detection.scores[:top], strict=True
                )
            ],
        )


class BatchOut(BaseModel):
    results: list[DetectionOut]

"""The languages that the model in use can tell apart."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel

from servekit.api.errors import DOCUMENTED, ProblemError, documented

from acme_service.api.dependencies import Detector
from acme_service.api.language_names import language_name

router = APIRouter(prefix="/v1/languages", tags=["language"], responses=DOCUMENTED)

Code = Annotated[str, Path(description="ISO 639-1 code.", examples=["de"], max_length=8)]


class Language(BaseModel):
    code: str
    name: str


@router.get("")
async def list_languages(detector: Detector) -> list[Language]:
    """Every language that can be detected, sorted by code."""
    card = await detector.card()
    return [Language(code=code, name=language_name(code)) for code in card.facts["languages"]]


@router.get("/{code}", responses=documented([404]))
async def get_language(code: Code, detector: Detector) -> Language:
    """One language."""
    card = await detector.card()
    if code not in card.facts["languages"]:
        raise ProblemError(404, "The model does not know this language.")
    return Language(code=code, name=language_name(code))

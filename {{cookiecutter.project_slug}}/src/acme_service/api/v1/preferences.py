"""A reader's languages, kept in a cookie and nowhere else."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from servekit.api.dependencies import CurrentSettings
from servekit.api.errors import DOCUMENTED, InvalidField, ProblemError

from acme_service.api.dependencies import Detector
from acme_service.api.hints import LANGUAGES_COOKIE, CurrentHints

router = APIRouter(prefix="/v1/preferences", tags=["language"], responses=DOCUMENTED)

ONE_YEAR_S = 365 * 24 * 60 * 60


class Preferences(BaseModel):
    """Language codes that answers are restricted to; empty for no restriction."""

    languages: Annotated[list[str], Field(max_length=64, examples=[["de", "en"]])]


@router.get("")
async def get_preferences(detector: Detector, hints: CurrentHints) -> Preferences:
    """The languages in the cookie that the model knows."""
    known = (await detector.card()).facts["languages"]
    return Preferences(languages=[code for code in hints.allowed if code in known])


@router.put("")
async def set_preferences(
    body: Preferences,
    request: Request,
    response: Response,
    detector: Detector,
    settings: CurrentSettings,
) -> Preferences:
    """Set the cookie."""
    known = (await detector.card()).facts["languages"]
    errors = [
        InvalidField(location=["body", "languages", index], message="Unknown language.")
        for index, code in enumerate(body.languages)
        if code not in known
    ]
    if errors:
        raise ProblemError(422, "The request is not valid.", errors)

    chosen = sorted(set(body.languages))
    response.set_cookie(
        LANGUAGES_COOKIE,
        ".".join(chosen),
        max_age=ONE_YEAR_S,
        path=path_of(request),
        httponly=True,
        samesite="lax",
        secure=settings.cookie_secure,
    )
    return Preferences(languages=chosen)


@router.delete("", status_code=204)
async def clear_preferences(
    request: Request, response: Response, settings: CurrentSettings
) -> None:
    """Clear the cookie."""
    response.delete_cookie(
        LANGUAGES_COOKIE,
        path=path_of(request),
        httponly=True,
        samesite="lax",
        secure=settings.cookie_secure,
    )


def path_of(request: Request) -> str:
    """Where this service stands; what else stands on its host has preferences of its own."""
    return request.scope.get("root_path") or "/"

"""What a request says of its writer's languages, in a cookie and in a header."""

import re
from functools import lru_cache
from typing import Annotated, NamedTuple

from fastapi import Cookie, Depends, Header, Request, Response

from acme_service.contracts.language import MAX_CODES, Query

LANGUAGES_COOKIE = "languages"
"""Holds language codes joined with dots: commas and spaces are not allowed in cookies."""

_MAX_CHARS = 512
_CODE = re.compile(r"[a-z]{2,3}")
_RANGE = re.compile(r"([a-zA-Z]{2,3})(?:-[a-zA-Z0-9-]+)?(?:\s*;\s*q=(0(?:\.\d+)?|1(?:\.0+)?))?")


class Hints(NamedTuple):
    """Turns texts into queries that carry what is known about their writer."""

    allowed: tuple[str, ...]
    preferred: tuple[str, ...]

    def query(self, text: str) -> Query:
        return Query(text, self.allowed, self.preferred)


@lru_cache(maxsize=1024)
def allowed_languages(cookie: str) -> tuple[str, ...]:
    """The codes in a cookie, each once and sorted. What is no code is ignored."""
    codes = {code for code in cookie.split(".") if _CODE.fullmatch(code)}
    return tuple(sorted(codes)[:MAX_CODES])


def nearest_cookie(header: str) -> str:
    """Our cookie, where a browser may have one for each of several services on one host.

    It sends first what was set for the longest path (RFC 6265), which is the service's own.
    """
    pairs = (pair.strip().partition("=") for pair in header.split(";"))
    return next((value for name, _, value in pairs if name == LANGUAGES_COOKIE), "")


@lru_cache(maxsize=1024)
def preferred_languages(header: str) -> tuple[str, ...]:
    """The codes in an Accept-Language header (RFC 9110), most wanted first.

    Regions are dropped, `q=0` is left out, and what cannot be read is ignored.
    """
    wanted: dict[str, float] = {}
    for part in header.split(",")[:MAX_CODES]:
        if match := _RANGE.fullmatch(part.strip()):
            weight = float(match[2] or 1)
            wanted.setdefault(match[1].lower(), weight)
    ranked = sorted(wanted, key=lambda code: -wanted[code])
    return tuple(code for code in ranked if wanted[code] > 0)


async def hints(
    request: Request,
    response: Response,
    languages: Annotated[
        str | None,
        Cookie(
            description="Restricts the candidates: language codes joined with dots.",
            examples=["de.en"],
        ),
    ] = None,
    accept_language: Annotated[
        str | None, Header(description="Decides a tie.", examples=["de, en;q=0.8"])
    ] = None,
) -> Hints:
    response.headers.add_vary_header("Cookie")
    response.headers.add_vary_header("Accept-Language")
    if languages:  # FastAPI's is the last one of that name
        languages = nearest_cookie(request.headers["cookie"])
    return Hints(
        allowed=allowed_languages((languages or "")[:_MAX_CHARS]),
        preferred=preferred_languages((accept_language or "")[:_MAX_CHARS]),
    )


CurrentHints = Annotated[Hints, Depends(hints)]

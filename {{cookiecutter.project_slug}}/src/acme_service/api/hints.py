"""What a request says beside the text: the writer's languages, and the version to ask."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, NamedTuple

from fastapi import Cookie, Depends, Header, Response
from starlette.requests import HTTPConnection

from servekit.api.canary import KEY_HEADER, Asks, champion
from servekit.api.dependencies import canary

from acme_service.api.dependencies import detection_settings
from acme_service.contracts.language import Query

LANGUAGES_COOKIE = "languages"
"""Holds language codes joined with dots: commas and spaces are not allowed in cookies."""

_VARY = "Cookie, Accept-Language"
_MAX_CODES = 64
_MAX_CHARS = 512
_CODE = re.compile(r"[a-z]{2,3}")
_RANGE = re.compile(r"([a-zA-Z]{2,3})(?:-[a-zA-Z0-9-]+)?(?:\s*;\s*q=(0(?:\.\d+)?|1(?:\.0+)?))?")


class Hints(NamedTuple):
    """Turns texts into queries that carry what is known about their writer."""

    allowed: tuple[str, ...]
    preferred: tuple[str, ...]
    tie_margin: float
    asks: Asks = champion

    def query(self, text: str) -> Query:
        return Query(text, self.allowed, self.preferred, self.tie_margin)

    def queries(self, texts: Sequence[str]) -> list[Query]:
        return [self.query(text) for text in texts]

    def version(self, *texts: str) -> str:
        """The version to ask about these texts together."""
        return self.asks(texts)


@lru_cache(maxsize=1024)
def allowed_languages(cookie: str) -> tuple[str, ...]:
    """The codes in a cookie, each once and sorted. What is no code is ignored."""
    codes = {code for code in cookie.split(".") if _CODE.fullmatch(code)}
    return tuple(sorted(codes)[:_MAX_CODES])


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
    for part in header.split(",")[:_MAX_CODES]:
        if match := _RANGE.fullmatch(part.strip()):
            weight = float(match[2] or 1)
            wanted.setdefault(match[1].lower(), weight)
    ranked = sorted(wanted, key=lambda code: -wanted[code])
    return tuple(code for code in ranked if wanted[code] > 0)


async def hints(
    connection: HTTPConnection,
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
    # Called, because resolving them would cost more.
    settings, split = await detection_settings(connection), await canary(connection)
    response.headers["Vary"] = f"{_VARY}, {KEY_HEADER}" if split.is_on else _VARY
    if languages:  # FastAPI's is the last one of that name
        languages = nearest_cookie(connection.headers["cookie"])
    # Where nothing is a tie, a preference decides nothing: equal questions stay equal.
    return Hints(
        allowed=allowed_languages((languages or "")[:_MAX_CHARS]),
        preferred=preferred_languages((accept_language or "")[:_MAX_CHARS])
        if settings.tie_margin
        else (),
        tie_margin=settings.tie_margin,
        asks=split.asks(connection),
    )


CurrentHints = Annotated[Hints, Depends(hints)]

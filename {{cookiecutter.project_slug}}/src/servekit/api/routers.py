"""A router that rejects requests for other prefixes cheaply."""

from typing import Any

from fastapi import APIRouter
from starlette.routing import Match
from starlette.types import Scope


class PrefixRouter(APIRouter):
    """Tries its routes only for paths with its prefix.

    FastAPI tries the routes of a service one after the other, at some five microseconds each: with
    this, those of one model cost the requests of others nothing.
    """

    def __init__(self, prefix: str, **options: Any) -> None:
        super().__init__(prefix=prefix, **options)
        self._literal = prefix.partition("{")[0]

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        # Somewhere in the path: routers around this one may have prefixes too.
        if self._literal not in scope["path"]:
            return Match.NONE, {}
        return super().matches(scope)

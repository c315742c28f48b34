"""A page to try the socket in a browser: one file that fetches nothing from elsewhere."""

from collections.abc import Iterable
from functools import cache, partial
from html import escape
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter, Request
from fastapi.openapi.models import OAuth2
from fastapi.params import Security
from fastapi.responses import HTMLResponse

from servekit.api.pages import page_response

from acme_service import NAME

PAGE = Path(__file__).with_name("playground.html")


class SignIn(NamedTuple):
    """How a visitor of the page signs in.

    asks: whether the service asks for credentials at all.
    token_path: where a name and a password are exchanged for a token; empty if nowhere.
    """

    asks: bool = False
    token_path: str = ""


def page(name: str, sign_in: SignIn = SignIn()) -> str:  # noqa: B008
    """The page, titled with the service's name."""
    html = PAGE.read_text("utf-8")
    for place, is_shown in {"credential": sign_in.asks, "password": sign_in.token_path}.items():
        html = html.replace(f"[[hide {place}]]", "" if is_shown else " hidden")
    return html.replace("[[token_path]]", escape(sign_in.token_path)).replace(
        "[[name]]", escape(name)
    )


def sign_in_of(security: Iterable[Security]) -> SignIn:
    """How one signs in where guards ask for these schemes."""
    models = [getattr(one.dependency, "model", None) for one in security]
    flows = [model.flows.password for model in models if isinstance(model, OAuth2)]
    return SignIn(bool(models), next((flow.tokenUrl for flow in flows if flow), ""))


def playground_router() -> APIRouter:
    page_for = cache(partial(page, NAME))
    router = APIRouter()

    @router.get("/playground", include_in_schema=False)
    async def playground(request: Request) -> HTMLResponse:
        return page_response(page_for(sign_in_of(request.app.security)))

    return router

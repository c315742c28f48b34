"""A page to ask every model in a browser: one file that fetches nothing from elsewhere."""

from collections.abc import Iterable
from functools import cache
from html import escape
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter, Request
from fastapi.openapi.models import APIKey, OAuth2
from fastapi.params import Security
from fastapi.responses import HTMLResponse

from servekit.api.dependencies import CurrentService
from servekit.api.pages import page_response

PAGE = Path(__file__).with_name("playground.html")


class SignIn(NamedTuple):
    """How one signs in on the page.

    Attributes:
        required: Whether the service asks for credentials at all.
        token_path: Where a name and a password are exchanged for a token; empty if nowhere.
        key_header: The header that takes an API key; empty if none does.
    """

    required: bool = False
    token_path: str = ""
    key_header: str = ""


@cache
def page(name: str, sign_in: SignIn = SignIn()) -> str:  # noqa: B008
    """The page, titled with the service's name."""
    html = PAGE.read_text("utf-8")
    for place, content in {"name": name, **sign_in._asdict()}.items():
        html = html.replace(f"[[{place}]]", escape(str(content)))
    return html


def sign_in_of(security: Iterable[Security]) -> SignIn:
    """How one signs in where guards ask for these schemes."""
    models = [getattr(one.dependency, "model", None) for one in security]
    flows = [model.flows.password for model in models if isinstance(model, OAuth2)]
    headers = [model.name for model in models if isinstance(model, APIKey)]
    token_path = next((flow.tokenUrl for flow in flows if flow), "")
    return SignIn(bool(models), token_path, next(iter(headers), ""))


def playground_router() -> APIRouter:
    """`GET /playground`."""
    router = APIRouter()

    @router.get("/playground", include_in_schema=False)
    async def playground(request: Request, service: CurrentService) -> HTMLResponse:
        return page_response(page(service.name, sign_in_of(request.app.security)))

    return router

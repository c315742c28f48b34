"""A page to try the socket in a browser: one file that fetches nothing from elsewhere."""

from html import escape
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse

from acme_service import NAME
from acme_service.api.pages import page_response

PAGE = Path(__file__).with_name("playground.html")


def page(name: str, asks_for_token: bool = False) -> str:
    """The page, titled with the service's name.

    asks_for_token: whether it has a field for one.
    """
    html = PAGE.read_text("utf-8").replace("[[hidden]]", "" if asks_for_token else " hidden")
    return html.replace("[[name]]", escape(name))


def asks_who_one_is(app: FastAPI) -> bool:
    """Whether something guards the routes: whatever does says so in OpenAPI."""
    return "securitySchemes" in app.openapi().get("components", {})


def playground_router() -> APIRouter:
    pages = {asks: page(NAME, asks) for asks in (False, True)}
    router = APIRouter()

    @router.get("/playground", include_in_schema=False)
    async def playground(request: Request) -> HTMLResponse:
        return page_response(pages[asks_who_one_is(request.app)])

    return router

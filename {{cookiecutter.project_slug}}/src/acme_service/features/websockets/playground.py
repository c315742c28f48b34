"""A page to try the socket in a browser: one file that fetches nothing from elsewhere."""

import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse

from acme_service import NAME

PAGE = Path(__file__).with_name("playground.html")


def page(name: str, asks_for_token: bool = False) -> str:
    """The page, titled with the service's name.

    asks_for_token: whether it has a field for one.
    """
    html = PAGE.read_text("utf-8").replace("[[hidden]]", "" if asks_for_token else " hidden")
    return html.replace("[[name]]", escape(name))


def content_security_policy(html: str) -> str:
    """Allows the page's own script and style, its own sockets, and nothing else.

    Hashes allow what stands in the page now, and nothing that somebody slips in later.
    """
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hash_of('script', html)}",
            f"style-src {_hash_of('style', html)}",
            "img-src data:",  # the empty icon that keeps browsers from asking for one
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


def _hash_of(element: str, html: str) -> str:
    (content,) = re.findall(f"<{element}>(.*?)</{element}>", html, re.DOTALL)
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"


def asks_who_one_is(app: FastAPI) -> bool:
    """Whether something guards the routes: whatever does says so in OpenAPI."""
    return "securitySchemes" in app.openapi().get("components", {})


def playground_router() -> APIRouter:
    pages = {asks: page(NAME, asks) for asks in (False, True)}
    headers = {
        "Content-Security-Policy": content_security_policy(pages[False]),
        "Cache-Control": "no-cache",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    router = APIRouter()

    @router.get("/playground", include_in_schema=False)
    async def playground(request: Request) -> HTMLResponse:
        return HTMLResponse(pages[asks_who_one_is(request.app)], headers=headers)

    return router

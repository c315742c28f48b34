"""The page `/docs`: Swagger UI with its own assets, which needs no internet."""

from importlib.resources import files

import fastapi_offline
from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from .access import Group, GuardedApi
from .pages import page_response

# fastapi-offline, not swagger-ui-bundle: that one's Swagger UI is of 2022 and cannot read
# OpenAPI 3.1. This one is MIT, less than 1 MB to fetch, and needs nothing but FastAPI.
ASSETS = str(files(fastapi_offline) / "static")
ASSETS_PATH = "/docs/assets"

# Swagger UI alone, not ReDoc beside it: ReDoc runs only where any inline style is allowed.
SOURCES = {"script-src": "'self'", "style-src": "'self'"}

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def swagger_ui(request: Request) -> HTMLResponse:
    """Return FastAPI's page with local assets: a CDN needs a browser with internet."""
    prefix = request.scope.get("root_path", "")
    page = get_swagger_ui_html(
        openapi_url=f"{prefix}{request.app.openapi_url}",
        title=request.app.title,
        swagger_js_url=f"{prefix}{ASSETS_PATH}/swagger-ui-bundle.js",
        swagger_css_url=f"{prefix}{ASSETS_PATH}/swagger-ui.css",
        swagger_favicon_url="data:,",
    )
    return page_response(bytes(page.body).decode(), SOURCES)


def include_docs(app: GuardedApi) -> None:
    """Add the page, and the files that it loads. Both are open."""
    app.include_open(router, Group.SERVICE)
    app.mount_open(ASSETS_PATH, StaticFiles(directory=ASSETS), Group.SERVICE)

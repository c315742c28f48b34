"""Routes of every kind, where they are not expected: below a new prefix, nested, mounted."""

from fastapi import APIRouter, FastAPI, WebSocket

from servekit.api import Guarded


async def told() -> str:
    return "told"


async def mounted() -> str:
    return "told"


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()


def sub_app() -> FastAPI:
    app = FastAPI()
    app.get("/v1/detect")(mounted)
    app.websocket("/ws")(talk)
    return app


def router() -> APIRouter:
    """Routes of every kind below /v3 and beside it."""
    inner = APIRouter(prefix="/nested")
    inner.get("/deep", name="tell_deep")(told)
    found = APIRouter()
    found.get("/v3/plain", name="tell_plainly")(told)
    found.get("/elsewhere", name="tell_elsewhere")(told)
    found.websocket("/v3/ws")(talk)
    found.include_router(inner, prefix="/v3")
    found.mount("/v3/mounted", Guarded(sub_app()))
    return found


PATHS = ["/v3/plain", "/elsewhere", "/v3/nested/deep", "/v3/mounted/v1/detect"]
SOCKETS = ["/v3/ws", "/v3/mounted/ws"]

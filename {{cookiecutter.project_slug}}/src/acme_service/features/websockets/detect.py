"""The way into a conversation."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, WebSocket

from servekit.api.dependencies import CurrentSettings
from servekit.api.errors import ProblemError

from acme_service.api.dependencies import Detector
from acme_service.api.hints import CurrentHints
from acme_service.api.v1.schemas import DEFAULT_TOP, Top

from .conversation import Conversation
from .settings import WebsocketsSettings


async def known_origin(socket: WebSocket, settings: CurrentSettings) -> None:
    """Refuse pages from elsewhere, unless `API_CORS_ORIGINS` lets them in.

    CORS does not cover sockets: a browser opens one to anywhere, and the server has to check.
    """
    origin = socket.headers.get("origin")
    if origin is None or {origin, "*"} & set(settings.cors_origins):
        return
    if origin.partition("://")[2] != socket.headers.get("host"):
        raise ProblemError(403, "Pages of this origin may not connect.")


def detect_router(settings: WebsocketsSettings) -> APIRouter:
    router = APIRouter(prefix="/v1/ws", dependencies=[Depends(known_origin)])

    @router.websocket("/detect")
    async def detect(
        socket: WebSocket,
        detector: Detector,
        hints: CurrentHints,
        top: Annotated[Top, Query()] = DEFAULT_TOP,
    ) -> None:
        await Conversation(socket, detector, hints, settings, top).hold()

    return router

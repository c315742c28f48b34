"""A socket for each model, and a page to try it in a browser."""

from servekit.api import Feature
from servekit.features import websockets as kit
from servekit.features.websockets.settings import WebsocketsSettings

from .playground import playground_router


def websockets(settings: WebsocketsSettings | None = None) -> Feature:
    """`WS {prefix}/ws` for each model, behind the guards, and `GET /playground`, open to all."""
    return kit.websockets(settings, routers=[playground_router()])

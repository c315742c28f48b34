"""A socket that guesses while one types, and a page to try it in a browser."""

from servekit.api import Feature
from servekit.features import websockets as kit
from servekit.features.websockets.settings import WebsocketsSettings

from .detect import detect_router
from .playground import playground_router


def websockets(settings: WebsocketsSettings | None = None) -> Feature:
    """`WS /v1/ws/detect`, behind the guards, and `GET /playground`, open to all.

    Each router that `model_router` has made gets a socket too, `WS {prefix}/ws`.
    """
    settings = settings or WebsocketsSettings.load()
    return kit.websockets(
        settings, routers=[playground_router()], model_routers=[detect_router(settings)]
    )

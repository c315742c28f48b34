"""A conversation about one text after another, and a page to hold it in a browser.

It answers with what the HTTP routes answer; what a text means is not decided here.
"""

from servekit.api import Feature

from .detect import detect_router
from .playground import playground_router
from .settings import WebsocketsSettings


def websockets(settings: WebsocketsSettings | None = None) -> Feature:
    """`WS /v1/ws/detect`, behind the guards, and `GET /playground`, open to all."""
    settings = settings or WebsocketsSettings.load()
    return Feature(
        name="websockets",
        routers=[playground_router()],
        model_routers=[detect_router(settings)],
    )

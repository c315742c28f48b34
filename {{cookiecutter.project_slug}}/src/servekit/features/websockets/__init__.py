"""A socket for each model, and a page to try every model in a browser."""

from functools import partial

from servekit.api import Feature

from .playground import playground_router
from .routes import socket_router
from .settings import WebsocketsSettings


def websockets(settings: WebsocketsSettings | None = None) -> Feature:
    """`WS {prefix}/ws` for each router that `model_router` has made, and `GET /playground`.

    The sockets are behind the guards; the page is open, and one signs in there.

    Args:
        settings: Read from the environment by default.

    Returns:
        The feature.
    """
    settings = settings or WebsocketsSettings.load()
    return Feature(
        name="websockets",
        routers=[playground_router()],
        model_routes=partial(socket_router, settings=settings),
    )

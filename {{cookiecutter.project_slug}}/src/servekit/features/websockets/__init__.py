"""A socket for each model: one item after another, answered in order."""

from collections.abc import Sequence
from functools import partial

from fastapi import APIRouter

from servekit.api import Feature

from .routes import socket_router
from .settings import WebsocketsSettings


def websockets(
    settings: WebsocketsSettings | None = None,
    *,
    routers: Sequence[APIRouter] = (),
    model_routers: Sequence[APIRouter] = (),
) -> Feature:
    """`WS {prefix}/ws` for each router that `model_router` has made, behind the guards.

    Args:
        settings: Read from the environment by default.
        routers: Further open routes, such as those of a page that opens a socket.
        model_routers: Further routes behind the guards, such as sockets of one's own.

    Returns:
        The feature.
    """
    settings = settings or WebsocketsSettings.load()
    return Feature(
        name="websockets",
        routers=routers,
        model_routers=model_routers,
        model_routes=partial(socket_router, settings=settings),
    )

"""The same API for callers that speak gRPC.

A call becomes a request to the API, so guards, limits, log and metrics hold for it as they do for
HTTP. What stands here only translates: messages, metadata and status codes.
"""

from servekit.api import Feature
from servekit.ingress.transports import Transport

from . import health, methods
from .routes import router


def grpc() -> Transport:
    return Transport(
        feature=Feature(name="grpc", model_routers=[router]),
        methods=[
            methods.Detect,
            methods.DetectStream,
            health.Check,
            health.List,
            health.Watch,
        ],
    )

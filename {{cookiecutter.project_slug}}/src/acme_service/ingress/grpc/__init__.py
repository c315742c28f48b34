"""The same API for callers that speak gRPC.

A call becomes a request to the API, so guards, limits, log and metrics hold for it as they do for
HTTP. What stands here only translates: messages, metadata and status codes.
"""

from acme_service.api import Feature
from acme_service.ingress.doors import Door

from . import health, methods
from .routes import router


def grpc() -> Door:
    return Door(
        feature=Feature(name="grpc", model_routers=[router]),
        methods=[
            methods.Detect,
            methods.DetectStream,
            health.Check,
            health.List,
            health.Watch,
        ],
    )

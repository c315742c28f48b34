"""The Open Inference Protocol over gRPC, for every model.

A call becomes a request to the API, so guards, limits, log and metrics hold for it as they do for
HTTP. What stands here only translates: messages, metadata and status codes.
"""

from servekit.api import Feature
from servekit.inference.signature import Signatures
from servekit.ingress.transports import Transport

from . import health, methods
from .routes import models_router
from .settings import GrpcStreamSettings


def grpc(settings: GrpcStreamSettings | None = None) -> Transport:
    """`inference.GRPCInferenceService` and `grpc.health.v1.Health`.

    Args:
        settings: Read from the environment by default.

    Returns:
        The transport.
    """
    settings = settings or GrpcStreamSettings.load()
    signatures = Signatures()
    return Transport(
        feature=Feature(
            name="grpc", model_routers=[models_router(signatures)], wrap=signatures.sign
        ),
        methods=[
            methods.ServerLive,
            methods.ServerReady,
            methods.ServerMetadata,
            methods.ModelReady,
            methods.ModelMetadata,
            methods.ModelInfer,
            methods.model_stream_infer(settings.idle_timeout_s),
            health.Check,
            health.List,
            health.Watch,
        ],
    )

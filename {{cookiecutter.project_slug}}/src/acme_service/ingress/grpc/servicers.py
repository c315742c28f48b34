"""What `serve.yaml` names: here Serve's proxies learn which methods there are."""

from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server as health

from .protos.language.v1.detector_pb2_grpc import (
    add_LanguageDetectorServicer_to_server as language_detector,
)

__all__ = ["health", "language_detector"]

"""What `serve.yaml` names: here Serve's proxies learn which methods there are."""

from typing import Any

import grpc
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from .endings import EndingServer
from .protos.language.v1.detector_pb2_grpc import (
    add_LanguageDetectorServicer_to_server,
)


def health(servicer: Any, server: grpc.aio.Server) -> None:
    add_HealthServicer_to_server(servicer, EndingServer(server))


def language_detector(servicer: Any, server: grpc.aio.Server) -> None:
    add_LanguageDetectorServicer_to_server(servicer, EndingServer(server))

"""The services of gRPC, as `serve.yaml` names them: Serve's proxies learn their methods here."""

from typing import Any

import grpc
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from .endings import EndingServer
from .protos.inference_pb2_grpc import add_GRPCInferenceServiceServicer_to_server


def inference(servicer: Any, server: grpc.aio.Server) -> None:
    add_GRPCInferenceServiceServicer_to_server(servicer, EndingServer(server))


def health(servicer: Any, server: grpc.aio.Server) -> None:
    add_HealthServicer_to_server(servicer, EndingServer(server))

"""The services of gRPC, as `serve.yaml` names them: Serve's proxies learn their methods here."""

from typing import Any

import grpc
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from servekit.settings import SettingsError

from .endings import EndingServer
from .protos.inference_pb2_grpc import add_GRPCInferenceServiceServicer_to_server
from .settings import GrpcStreamSettings


def inference(servicer: Any, server: grpc.aio.Server) -> None:
    add_GRPCInferenceServiceServicer_to_server(servicer, _ending(server))


def health(servicer: Any, server: grpc.aio.Server) -> None:
    add_HealthServicer_to_server(servicer, _ending(server))


def _ending(server: grpc.aio.Server) -> EndingServer:
    try:
        settings = GrpcStreamSettings.load()
    except SettingsError:  # said where the service starts
        settings = GrpcStreamSettings.model_construct()
    return EndingServer(server, settings.write_timeout_s)

"""The standard health service (`grpc.health.v1.Health`), which load balancers ask.

It answers as `/health/ready` does, without credentials.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from fastapi import FastAPI
from grpc import StatusCode
from grpc_health.v1.health_pb2 import (
    HealthCheckRequest,
    HealthCheckResponse,
    HealthListRequest,
    HealthListResponse,
)

from .calls import Context
from .routes import SERVICE

SERVICES = ("", SERVICE)
"""The whole server, and its one service: one is as healthy as the other."""


class Replica(Protocol):
    """The ingress, as far as it is called here."""

    api: FastAPI


async def Check(  # noqa: N802
    self: Replica, request: HealthCheckRequest, grpc_context: Context
) -> HealthCheckResponse:
    if request.service not in SERVICES:
        grpc_context.set_code(StatusCode.NOT_FOUND)
        grpc_context.set_details("There is no such service here.")
        return HealthCheckResponse()
    return await _health_of(self)


async def List(  # noqa: N802
    self: Replica,
    request: HealthListRequest,  # noqa: ARG001
    grpc_context: Context,  # noqa: ARG001
) -> HealthListResponse:
    return HealthListResponse(statuses=dict.fromkeys(SERVICES, await _health_of(self)))


async def _health_of(replica: Replica) -> HealthCheckResponse:
    failing, _ = await replica.api.state.readiness.findings()
    status = HealthCheckResponse.NOT_SERVING if failing else HealthCheckResponse.SERVING
    return HealthCheckResponse(status=status)


async def Watch(  # noqa: N802
    self: Replica,  # noqa: ARG001
    request: HealthCheckRequest,  # noqa: ARG001
    grpc_context: Context,
) -> AsyncIterator[HealthCheckResponse]:
    """Refuse: it would tell of one replica, and keep that one from stopping."""
    grpc_context.set_code(StatusCode.UNIMPLEMENTED)
    grpc_context.set_details("Watch is not implemented; poll Check instead.")
    yield HealthCheckResponse()  # brings the code, and is not sent: see EndingServer

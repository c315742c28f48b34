"""Dependencies for routes, by type."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection

from servekit.contracts import Contract, Ports, Predictor

from .canary import Canary
from .readiness import Readiness
from .service import Service
from .settings import ApiSettings


async def api_settings(connection: HTTPConnection) -> ApiSettings:
    return connection.app.state.settings


async def canary(connection: HTTPConnection) -> Canary:
    return connection.app.state.canary


async def readiness(connection: HTTPConnection) -> Readiness:
    return connection.app.state.readiness


async def service(connection: HTTPConnection) -> Service:
    return connection.app.state.service


async def ports(connection: HTTPConnection) -> Ports:
    return connection.app.state.ports


def predictor(contract: Contract) -> Callable[[HTTPConnection], Awaitable[Predictor[Any, Any]]]:
    """Make a dependency that provides the model of a contract.

    `Annotated[Predictor[Customer, Risk], Depends(predictor(CHURN))]`
    """

    async def model(connection: HTTPConnection) -> Predictor[Any, Any]:
        return connection.app.state.ports.models[contract.name]

    return model


CurrentPorts = Annotated[Ports, Depends(ports)]
CurrentReadiness = Annotated[Readiness, Depends(readiness)]
CurrentService = Annotated[Service, Depends(service)]
CurrentSettings = Annotated[ApiSettings, Depends(api_settings)]

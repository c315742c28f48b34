"""Dependencies for routes, by type."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Response
from starlette.requests import HTTPConnection

from servekit.contracts import Contract, Ports, Predictor

from .canary import KEY_HEADER, Canary
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


def predictor(contract: Contract) -> Callable[..., Awaitable[Predictor[Any, Any]]]:
    """Make a dependency that provides the model of a contract, behind the canary.

    `Annotated[Predictor[Customer, Risk], Depends(predictor(CHURN))]`
    """

    async def model(connection: HTTPConnection, response: Response) -> Predictor[Any, Any]:
        state = connection.app.state
        if state.canary.is_on:
            response.headers.add_vary_header(KEY_HEADER)
        return state.canary.over(state.ports.models[contract.name], connection)

    return model


CurrentPorts = Annotated[Ports, Depends(ports)]
CurrentReadiness = Annotated[Readiness, Depends(readiness)]
CurrentService = Annotated[Service, Depends(service)]
CurrentSettings = Annotated[ApiSettings, Depends(api_settings)]

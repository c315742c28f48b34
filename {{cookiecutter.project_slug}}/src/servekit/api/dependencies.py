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
        found, vary = model_for(contract, connection)
        if vary:
            response.headers.add_vary_header(vary)
        return found

    return model


def model_for(contract: Contract, connection: HTTPConnection) -> tuple[Predictor[Any, Any], str]:
    """Return the model of a contract, behind the canary, and the header that decides its side."""
    state = connection.app.state
    canary: Canary = state.canary
    model = canary.over(state.ports.models[contract.name], connection)
    return model, KEY_HEADER if canary.is_on else ""


CurrentPorts = Annotated[Ports, Depends(ports)]
CurrentReadiness = Annotated[Readiness, Depends(readiness)]
CurrentService = Annotated[Service, Depends(service)]
CurrentSettings = Annotated[ApiSettings, Depends(api_settings)]

"""What routes may ask for by type."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

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


CurrentReadiness = Annotated[Readiness, Depends(readiness)]
CurrentService = Annotated[Service, Depends(service)]
CurrentSettings = Annotated[ApiSettings, Depends(api_settings)]

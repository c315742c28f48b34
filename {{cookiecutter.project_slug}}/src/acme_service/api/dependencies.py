"""What routes may ask for by type."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from acme_service.ports import LanguageDetector, Ports

from .canary import Canary
from .readiness import Readiness
from .settings import ApiSettings


async def language_detector(connection: HTTPConnection) -> LanguageDetector:
    return connection.app.state.ports.language


async def ports(connection: HTTPConnection) -> Ports:
    return connection.app.state.ports


async def api_settings(connection: HTTPConnection) -> ApiSettings:
    return connection.app.state.settings


async def canary(connection: HTTPConnection) -> Canary:
    return connection.app.state.canary


async def readiness(connection: HTTPConnection) -> Readiness:
    return connection.app.state.readiness


Detector = Annotated[LanguageDetector, Depends(language_detector)]
CurrentPorts = Annotated[Ports, Depends(ports)]
CurrentSettings = Annotated[ApiSettings, Depends(api_settings)]
CurrentReadiness = Annotated[Readiness, Depends(readiness)]

"""What routes may ask for by type."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from acme_service.ports import LanguageDetector, Ports

from .settings import DetectionSettings


async def language_detector(connection: HTTPConnection) -> LanguageDetector:
    return connection.app.state.ports.language


async def ports(connection: HTTPConnection) -> Ports:
    return connection.app.state.ports


async def detection_settings(connection: HTTPConnection) -> DetectionSettings:
    return connection.app.state.detection_settings


CurrentPorts = Annotated[Ports, Depends(ports)]
Detector = Annotated[LanguageDetector, Depends(language_detector)]

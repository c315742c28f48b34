"""What routes may ask for by type."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from servekit.api.dependencies import predictor
from servekit.contracts import Predictor

from acme_service.contracts.language import LANGUAGE, Detection, Query

from .settings import DetectionSettings


async def detection_settings(connection: HTTPConnection) -> DetectionSettings:
    return connection.app.state.detection_settings


Detector = Annotated[Predictor[Query, Detection], Depends(predictor(LANGUAGE))]

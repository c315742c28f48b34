"""What routes may ask for by type."""

from typing import Annotated

from fastapi import Depends

from servekit.api.dependencies import predictor
from servekit.contracts import Predictor

from acme_service.contracts.language import LANGUAGE, Detection, Query

Detector = Annotated[Predictor[Query, Detection], Depends(predictor(LANGUAGE))]

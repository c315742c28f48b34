"""One text in, one answer out; many texts in, many answers out."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Query, Response

from servekit.api.errors import DOCUMENTED
from servekit.api.model_header import DOCUMENTS_MODEL, set_model_header
from servekit.api.principal import CurrentPrincipal

from acme_service.api.audit import record_detection
from acme_service.api.dependencies import Detector
from acme_service.api.hints import CurrentHints

from .schemas import DEFAULT_TOP, BatchOut, DetectionOut, TextIn, TextsIn, Top

router = APIRouter(prefix="/v1/detect", tags=["v1"], responses=DOCUMENTED | DOCUMENTS_MODEL)

TopQuery = Annotated[Top, Query(description="How many candidates to answer with.", examples=[1])]


@router.post("")
async def detect(
    body: TextIn,
    detector: Detector,
    hints: CurrentHints,
    caller: CurrentPrincipal,
    background: BackgroundTasks,
    response: Response,
    top: TopQuery = DEFAULT_TOP,
) -> DetectionOut:
    """Tell which language a text is written in."""
    prediction = await detector.predict(hints.query(body.text), hints.version(body.text))
    detection = prediction.value
    set_model_header(response, prediction.version)
    background.add_task(record_detection, caller, detection.language, len(body.text))
    return DetectionOut.of(detection, top)


@router.post("/batch")
async def detect_batch(
    body: TextsIn,
    detector: Detector,
    hints: CurrentHints,
    response: Response,
    top: TopQuery = DEFAULT_TOP,
) -> BatchOut:
    """One answer a text, in order."""
    version = hints.version(*body.texts)
    predictions = await detector.predict_batch(hints.queries(body.texts), version)
    set_model_header(response, predictions[0].version)
    return BatchOut.of([one.value for one in predictions], top)

"""Which language a text is written in: the routes of the model, and one for files."""

import logging
from typing import Annotated

from fastapi import BackgroundTasks, File, Query, Response, UploadFile

from servekit.api import model_router
from servekit.api.dependencies import CurrentSettings
from servekit.api.errors import InvalidField, ProblemError
from servekit.api.model_header import set_model_header
from servekit.api.principal import CurrentPrincipal, Principal

from acme_service.api.dependencies import Detector
from acme_service.api.hints import CurrentHints
from acme_service.contracts.language import (
    LANGUAGE,
    MAX_CANDIDATES,
    Detection,
)

log = logging.getLogger(__name__)

router = model_router(LANGUAGE, prefix="/v1/detect")

Top = Annotated[
    int,
    Query(ge=1, le=MAX_CANDIDATES, description="How many candidates to answer with.", examples=[1]),
]


@router.post("/file")
async def detect_file(
    file: Annotated[UploadFile, File(description="A text in UTF-8.")],
    detector: Detector,
    hints: CurrentHints,
    caller: CurrentPrincipal,
    settings: CurrentSettings,
    background: BackgroundTasks,
    response: Response,
    top: Top = MAX_CANDIDATES,
) -> Detection:
    """Tell which language a text file is written in."""
    content = await file.read(settings.max_file_bytes + 1)
    if len(content) > settings.max_file_bytes:
        raise ProblemError(413, f"The file is larger than {settings.max_file_bytes} bytes.")
    prediction = await detector.predict(hints.query(_text(content)))
    detection = prediction.value
    set_model_header(response, prediction.version)
    background.add_task(record_file, caller, detection.language, len(content))
    return Detection(detection.language, detection.score, detection.candidates[:top])


def _text(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused("The file is not UTF-8.") from None
    if not text:
        raise _refused("The file is empty.")
    return text


def _refused(message: str) -> ProblemError:
    field = InvalidField(location=["body", "file"], message=message)
    return ProblemError(422, "The request is not valid.", [field])


async def record_file(caller: Principal, language: str, size_bytes: int) -> None:
    """Log the principal and the outcome, never the text, once the response is sent."""
    extra = {"caller": caller.id, "language": language, "size_bytes": size_bytes}
    log.info("file detected", extra=extra)

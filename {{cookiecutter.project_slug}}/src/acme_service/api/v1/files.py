"""A text file in, one answer out."""

from typing import Annotated

from fastapi import APIRouter, File, Response, UploadFile

from servekit.api.dependencies import CurrentSettings
from servekit.api.errors import DOCUMENTED, InvalidField, ProblemError
from servekit.api.model_header import DOCUMENTS_MODEL, set_model_header

from acme_service.api.dependencies import Detector
from acme_service.api.hints import CurrentHints

from .schemas import DetectionOut

router = APIRouter(prefix="/v1/detect", tags=["v1"], responses=DOCUMENTED | DOCUMENTS_MODEL)


@router.post("/file")
async def detect_file(
    file: Annotated[UploadFile, File(description="A text in UTF-8.")],
    detector: Detector,
    hints: CurrentHints,
    settings: CurrentSettings,
    response: Response,
) -> DetectionOut:
    """Tell which language a text file is written in."""
    content = await file.read(settings.max_file_bytes + 1)
    if len(content) > settings.max_file_bytes:
        raise ProblemError(413, f"The file is larger than {settings.max_file_bytes} bytes.")
    text = _text(content)
    prediction = await detector.predict(hints.query(text), hints.version(text))
    set_model_header(response, prediction.version)
    return DetectionOut.of(prediction.value)


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        field = InvalidField(location=["body", "file"], message="The file is not UTF-8.")
        raise ProblemError(422, "The request is not valid.", [field]) from None

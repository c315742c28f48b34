"""The right label for an answer: given, looked at, taken back."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Header, Path, Response
from pydantic import AfterValidator, BaseModel, StringConstraints

from servekit.api.errors import InvalidField, ProblemError, documented
from servekit.api.principal import CurrentPrincipal

from acme_service.api.dependencies import Detector

from .answers import HEADER
from .corrections import Correction, Corrections
from .languages import LABELS
from .receipts import Receipt, Receipts

MAX_TEXT_CHARS = 1024 * 1024
"""As much as a file may have."""

MAX_LABEL_CHARS = 8

UNKNOWN = "There is no feedback under this id for this receipt."
NO_LABEL = "A language code of ISO 639-1, such as de, or und is needed."


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("A text with a NUL character cannot be kept.")
    return text


Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_TEXT_CHARS),
    AfterValidator(_without_nul),
]
# A path, because the ids that some callers choose have slashes.
RequestId = Annotated[str, Path(description="The X-Request-ID of the answer.")]
ReceiptHeader = Annotated[str, Header(alias=HEADER, description="As it came with the answer.")]


class CorrectionIn(BaseModel):
    """The text that was asked about, and the language that it is in."""

    text: Text
    language: Annotated[str, StringConstraints(max_length=MAX_LABEL_CHARS)]

    model_config = {"json_schema_extra": {"examples": [{"text": "Grüezi!", "language": "de"}]}}


class CorrectionOut(BaseModel):
    """A stored correction, with the version of the model that had answered."""

    request_id: str
    text: str
    language: str
    model: str


def feedback_router(
    receipts: Receipts, corrections: Corrections, count: Callable[[str], None]
) -> APIRouter:
    """Make the routes of corrections; `count` takes how a request has ended."""
    responses = documented([404, 413, 422, 503])
    router = APIRouter(prefix="/v1/feedback", tags=["feedback"], responses=responses)

    def good(
        receipt: str, request_id: str, caller: CurrentPrincipal, text: str | None = None
    ) -> Receipt:
        # Forged, for another request, another's or too old: all of them read the same.
        found = receipts.check(receipt, request_id, caller.id, text)
        if found is None:
            raise unknown("refused")
        return found

    def unknown(outcome: str) -> ProblemError:
        count(outcome)
        return ProblemError(404, UNKNOWN)

    @router.put("/{request_id:path}", responses={201: {"model": CorrectionOut}})
    async def put_feedback(
        request_id: RequestId,
        body: CorrectionIn,
        caller: CurrentPrincipal,
        detector: Detector,
        response: Response,
        receipt: ReceiptHeader = "",
    ) -> CorrectionOut:
        """Say which language a text is in. Said again, it replaces what was said before."""
        found = good(receipt, request_id, caller, body.text)
        known = (await detector.card()).facts["languages"]
        if body.language not in LABELS and body.language not in known:
            field = InvalidField(location=["body", "language"], message=NO_LABEL)
            raise ProblemError(422, "The request is not valid.", [field])
        correction = Correction(request_id, body.text, body.language, found.model)
        is_new = await corrections.put(found, correction)
        count("created" if is_new else "replaced")
        response.status_code = 201 if is_new else 200
        return _out(correction, response)

    @router.get("/{request_id:path}")
    async def get_feedback(
        request_id: RequestId,
        caller: CurrentPrincipal,
        response: Response,
        receipt: ReceiptHeader = "",
    ) -> CorrectionOut:
        """What was said about an answer."""
        correction = await corrections.get(good(receipt, request_id, caller))
        if correction is None:
            raise unknown("missing")
        count("read")
        return _out(correction, response)

    @router.delete("/{request_id:path}", status_code=204)
    async def delete_feedback(
        request_id: RequestId, caller: CurrentPrincipal, receipt: ReceiptHeader = ""
    ) -> None:
        """Take back what was said about an answer, the text included."""
        if not await corrections.delete(good(receipt, request_id, caller)):
            raise unknown("missing")
        count("deleted")

    return router


def _out(correction: Correction, response: Response) -> CorrectionOut:
    response.headers["Cache-Control"] = "no-store"
    return CorrectionOut.model_validate(correction._asdict())

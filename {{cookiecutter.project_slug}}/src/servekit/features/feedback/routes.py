"""Routes that store, show and delete the correction of an answer."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Union

from fastapi import APIRouter, Body, Header, Path, Request
from fastapi.responses import JSONResponse
from pydantic import PlainValidator

from servekit.api.audit_trail import note
from servekit.api.errors import ProblemError, documented
from servekit.api.principal import CurrentPrincipal, Principal
from servekit.api.routers import PrefixRouter
from servekit.contracts import Meter

from .corrections import Correction, Corrections
from .labelled import LabelledContract
from .receipt_header import HEADER
from .receipts import Content, Receipt, Receipts

METRIC = "feedback_total"
UNKNOWN = "There is no feedback under this id for this receipt."

# A path, because the ids that some callers choose have slashes.
RequestId = Annotated[str, Path(description="The X-Request-ID of the answer.")]
ReceiptHeader = Annotated[str, Header(alias=HEADER, description="As it came with the answer.")]


class ReceiptChecks:
    """Checks the receipts of requests, and counts how these end."""

    def __init__(self, receipts: Receipts, meter: Meter) -> None:
        self._receipts = receipts
        self._meter = meter

    def good(
        self, receipt: str, request_id: str, caller: Principal, content: Content | None = None
    ) -> Receipt:
        """Raises ProblemError, in the same words whatever is wrong with it."""
        found = self._receipts.check(receipt, request_id, caller.id, content)
        if found is None:
            raise self.unknown("refused")
        return found

    def unknown(self, outcome: str) -> ProblemError:
        self.count(outcome)
        return ProblemError(404, UNKNOWN)

    def count(self, outcome: str) -> None:
        self._meter.count(METRIC, outcome=outcome)


def feedback_router() -> APIRouter:
    """A router for `add_routes`."""
    responses = documented([404, 413, 422, 503])
    return PrefixRouter("/v1/feedback", tags=["feedback"], responses=responses)


def add_routes(
    router: APIRouter,
    contracts: Mapping[str, LabelledContract],
    checks: ReceiptChecks,
    corrections: Corrections,
) -> None:
    """Add the routes for corrections of these contracts, by name; at least one."""
    bodies = Union[tuple(one.body for one in contracts.values())]  # noqa: UP007
    stored: Any = Union[tuple(one.stored for one in contracts.values())]  # noqa: UP007
    # The receipt says which contract it is, so FastAPI shows all of them and checks none.
    Unchecked = PlainValidator(lambda body: body, json_schema_input_type=bodies)  # noqa: N806
    shown: Any = {200: {"model": stored}}

    @router.put("/{request_id:path}", response_model=None, responses=shown | {201: shown[200]})
    async def put_feedback(
        request_id: RequestId,
        body: Annotated[Any, Unchecked, Body()],
        caller: CurrentPrincipal,
        request: Request,
        receipt: ReceiptHeader = "",
    ) -> JSONResponse:
        """Say what the right answer is. A later correction of the answer replaces this one."""
        note(request, "correction")
        found = checks.good(receipt, request_id, caller)
        note(request, model=found.model, version=found.version)
        if found.model not in contracts:
            raise checks.unknown("refused")
        given = contracts[found.model].read(body)
        checks.good(receipt, request_id, caller, given.content)
        correction = Correction(
            request_id, found.model, found.version, given.input, given.output, given.label
        )
        is_new = await corrections.put(found, correction)
        checks.count("created" if is_new else "replaced")
        return _response(correction, 201 if is_new else 200)

    @router.get("/{request_id:path}", response_model=None, responses=shown)
    async def get_feedback(
        request_id: RequestId, caller: CurrentPrincipal, receipt: ReceiptHeader = ""
    ) -> JSONResponse:
        """Show the correction of an answer."""
        correction = await corrections.get(checks.good(receipt, request_id, caller))
        if correction is None:
            raise checks.unknown("missing")
        checks.count("read")
        return _response(correction)

    @router.delete("/{request_id:path}", status_code=204)
    async def delete_feedback(
        request_id: RequestId,
        caller: CurrentPrincipal,
        request: Request,
        receipt: ReceiptHeader = "",
    ) -> None:
        """Delete the correction of an answer, the input included."""
        note(request, "correction")
        found = checks.good(receipt, request_id, caller)
        note(request, model=found.model, version=found.version)
        if not await corrections.delete(found):
            raise checks.unknown("missing")
        checks.count("deleted")


def _response(correction: Correction, status: int = 200) -> JSONResponse:
    return JSONResponse(shown_as_json(correction), status, {"Cache-Control": "no-store"})


def shown_as_json(correction: Correction) -> dict[str, Any]:
    """A correction with the JSON in it decoded."""
    decoded = {
        name: json.loads(getattr(correction, name) or "null")
        for name in ("input", "output", "label")
    }
    return correction._asdict() | decoded

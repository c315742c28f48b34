"""Turns errors into HTTP responses: RFC 9457 problem details."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from servekit.contracts import (
    ModelError,
    ModelOverloadedError,
    ModelReplacedError,
    ModelTimeoutError,
    ModelUnavailableError,
)

from .request_id import current_request_id

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
MAX_ERRORS = 100
"""The most invalid parts that are named; a body of one megabyte may have as many thousands."""

REF = "#/components/schemas/{model}"
PROBLEM_REF = "#/problem"
"""Stands for the reference to the schema of problems until all other schemas have their names."""


class InvalidField(BaseModel):
    """An invalid part of a request. The value itself is never repeated."""

    location: list[str | int]
    message: str


class Problem(BaseModel):
    """An error, as RFC 9457 words it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    request_id: str | None = None
    errors: list[InvalidField] | None = None


DESCRIBED = (InvalidField, Problem)
"""What OpenAPI says about errors."""


class ProblemError(Exception):
    """Raised by a route to answer with a problem of the given status."""

    def __init__(self, status: int, detail: str, errors: list[InvalidField] | None = None) -> None:
        super().__init__(status, detail, errors)
        self.status = status
        self.detail = detail
        self.errors = errors


def problem(
    status: int,
    detail: str | None = None,
    *,
    request_id: str | None = None,
    errors: list[InvalidField] | None = None,
) -> dict[str, Any]:
    """Return a problem as a JSON object."""
    return Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        request_id=request_id or current_request_id() or None,
        errors=errors,
    ).model_dump(exclude_none=True)


def problem_response(
    content: dict[str, Any], headers: Mapping[str, str] | None = None
) -> JSONResponse:
    return JSONResponse(
        content, status_code=content["status"], headers=headers, media_type=MEDIA_TYPE
    )


MODEL_STATUS: dict[type[ModelError], int] = {
    ModelOverloadedError: 503,
    ModelUnavailableError: 503,
    ModelReplacedError: 503,
    ModelTimeoutError: 504,
    ModelError: 500,
}


def reason_of(problem: Mapping[str, Any]) -> str:
    """Return what a problem says, for protocols that have one text for it.

    The first invalid field is named, where there are some.
    """
    reason = str(problem.get("detail") or problem.get("title", ""))
    for one in problem.get("errors", ())[:1]:
        reason += f" {'.'.join(map(str, one['location']))}: {one['message']}."
    return reason


def model_problem(error: ModelError) -> dict[str, Any]:
    """Return the problem for an error of a model."""
    status = next(MODEL_STATUS[kind] for kind in type(error).__mro__ if kind in MODEL_STATUS)
    return problem(status, str(error))


async def model_failed(_: Request, error: ModelError) -> JSONResponse:
    content = model_problem(error)
    retry = {"Retry-After": str(RETRY_AFTER_S)} if content["status"] == 503 else None
    return problem_response(content, retry)


async def refused(_: Request, error: ProblemError) -> JSONResponse:
    return problem_response(problem(error.status, error.detail, errors=error.errors))


def invalid_fields(errors: Iterable[Mapping[str, Any]], *above: str | int) -> list[InvalidField]:
    """Return the invalid parts that an error of Pydantic's or FastAPI's lists, in part.

    Args:
        errors: As their `errors()` gives them.
        above: Where in the request the value is that they are about.
    """
    return [
        InvalidField(location=[*above, *one["loc"]], message=one["msg"])
        for one in islice(errors, MAX_ERRORS)
    ]


async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
    errors = invalid_fields(error.errors())
    return problem_response(problem(422, "The request is not valid.", errors=errors))


async def http_error(_: Request, error: HTTPException) -> JSONResponse:
    phrase = HTTPStatus(error.status_code).phrase
    detail = error.detail if error.detail != phrase else None
    return problem_response(problem(error.status_code, detail), error.headers)


async def unexpected(request: Request, error: Exception) -> JSONResponse:
    # This handler runs outside every middleware, so the id comes from the request itself.
    request_id = getattr(request.state, "request_id", None)
    log.error("unexpected error", exc_info=error, extra={"request_id": request_id})
    return problem_response(problem(500, request_id=request_id))


HANDLERS: dict[int | type[Exception], Callable[..., Any]] = {
    ModelError: model_failed,
    ProblemError: refused,
    RequestValidationError: invalid,
    HTTPException: http_error,
    Exception: unexpected,
}


def documented(statuses: Iterable[int]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses for problems of these statuses.

    Not by `model`: FastAPI would call it plain JSON, and build a validator for each of them.
    """
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": PROBLEM_REF}}},
        }
        for status in statuses
    }


DOCUMENTED = documented((400, 413, 422, 500, 503, 504))
"""The problems that every model route may answer with, for OpenAPI."""


class ApiWithProblems(FastAPI):
    """Adds the schema of problems to OpenAPI."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is not None:
            return self.openapi_schema
        schema = super().openapi()
        schemas = schema["components"]["schemas"]
        prefix = ""  # classes of the service's own may have these names
        while not schemas.keys().isdisjoint(prefix + one.__name__ for one in DESCRIBED):
            prefix += "Api"
        problem = f"{prefix}{Problem.__name__}"
        described = Problem.model_json_schema(ref_template=REF.format(model=f"{prefix}{{model}}"))
        parts = described.pop("$defs")
        schemas |= {f"{prefix}{name}": one for name, one in parts.items()}
        schemas[problem] = described
        text = json.dumps(schema).replace(PROBLEM_REF, REF.format(model=problem))
        whole: dict[str, Any] = json.loads(text)
        self.openapi_schema = whole
        return whole

"""Turns errors into HTTP responses: RFC 9457 problem details."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from http import HTTPStatus
from itertools import islice
from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from servekit.contracts import (
    ModelError,
    ModelOverloadedError,
    ModelReplacedError,
    ModelTimeoutError,
    ModelUnavailableError,
    TooManyRequestsError,
    TooManyStreamsError,
)
from servekit.contracts.request_id import current_request_id

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


def phrase_of(status: int) -> str:
    """The standard phrase of a status; of one without any, such as 499, that of its class."""
    for known in (status, status // 100 * 100):
        with suppress(ValueError):
            return HTTPStatus(known).phrase
    return "Error"


def problem(
    status: int,
    detail: str | None = None,
    *,
    request_id: str | None = None,
    errors: list[InvalidField] | None = None,
) -> dict[str, Any]:
    """Return a problem as a JSON object."""
    return Problem(
        title=phrase_of(status),
        status=status,
        detail=detail,
        request_id=request_id or current_request_id() or None,
        errors=errors,
    ).model_dump(exclude_none=True)


class ProblemResponse(JSONResponse):
    """A problem as JSON. Lone surrogates, which UTF-8 cannot encode, are replaced."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(
            errors="replace"
        )


def problem_response(
    content: dict[str, Any], headers: Mapping[str, str] | None = None
) -> JSONResponse:
    return ProblemResponse(content, status_code=content["status"], headers=headers)


MODEL_STATUS: dict[type[ModelError], int] = {
    ModelOverloadedError: 503,
    ModelUnavailableError: 503,
    ModelReplacedError: 503,
    TooManyRequestsError: 429,
    TooManyStreamsError: 429,
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
    retry = {"Retry-After": str(RETRY_AFTER_S)} if content["status"] in {429, 503} else None
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


WITHOUT_BODY = {*range(100, 200), 204, 205, 304}


async def http_error(request: Request, error: HTTPException) -> Response:
    """Answer an HTTPException, whatever its status and its detail are."""
    status, detail, headers = error.status_code, error.detail, dict(error.headers or {})
    if status == 405:
        headers["Allow"] = ", ".join(_methods_of(request))
    if status in WITHOUT_BODY:
        return Response(status_code=status, headers=headers)
    if detail is None or isinstance(detail, str):
        said = None if detail == phrase_of(status) else detail
        return problem_response(problem(status, said), headers)
    # An object's members stand beside those of the problem (RFC 9457, section 3.2).
    found = _jsonable(detail)
    members = found if isinstance(found, dict) else {"details": found}
    return problem_response(members | problem(status), headers)


def _jsonable(detail: object) -> Any:
    """Return what an error says as JSON has it; numbers that are not finite become null."""

    def encoded(value: object) -> Any:
        try:
            return jsonable_encoder(value)
        except Exception:  # of whatever has to be encoded
            return str(value)

    text = json.dumps(detail, default=encoded, skipkeys=True)
    return json.loads(text, parse_constant=lambda _: None)


def _methods_of(request: Request) -> list[str]:
    """The methods of all routes at the path of a request."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    methods: set[str] = set()
    for context in iter_route_contexts(request.app.routes):
        pattern = getattr(context, "path_regex", None)
        if pattern is not None and pattern.match(path):
            methods |= {*(getattr(context, "methods", None) or ())}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


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
            "description": phrase_of(status),
            "content": {MEDIA_TYPE: {"schema": {"$ref": PROBLEM_REF}}},
        }
        for status in statuses
    }


DOCUMENTED = documented((400, 408, 413, 415, 422, 500, 503, 504))
"""The problems that every model route may answer with, for OpenAPI."""

OF_A_BODY = (400, 408, 413, 415, 429, 503)
"""Statuses of a request whose body cannot be read, is too late, too large or encoded, or arrives
with too many others, of its own address or of all."""

FASTAPIS_422 = "HTTPValidationError"
"""The schema that FastAPI adds for what is not valid. Here a problem says it."""


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
        for path in schema["paths"].values():
            for operation in path.values():
                _document_problems(operation)
        for unused in (FASTAPIS_422, "ValidationError"):
            schemas.pop(unused, None)
        # A word of OpenAPI 3.2 in a document of 3.1, which validators and generators refuse.
        text = (
            json.dumps(schema)
            .replace('"itemSchema":', '"schema":')
            .replace(PROBLEM_REF, REF.format(model=problem))
        )
        whole: dict[str, Any] = json.loads(text)
        self.openapi_schema = whole
        return whole


def _document_problems(operation: dict[str, Any]) -> None:
    """Add what the kit answers in the place of any route."""
    responses = operation["responses"]
    if FASTAPIS_422 in str(responses.get("422")):
        del responses["422"]
        responses |= _by_text((422,))
    if "requestBody" in operation:
        operation["responses"] = _by_text(OF_A_BODY) | responses


def _by_text(statuses: Iterable[int]) -> dict[str, Any]:
    """Return the same as `documented`, as a whole document has it."""
    return {str(status): response for status, response in documented(statuses).items()}

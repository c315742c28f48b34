"""Statuses, problems and headers of HTTP in terms of gRPC."""

import json
from collections.abc import Iterable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from grpc import StatusCode

CODES = {
    400: StatusCode.INVALID_ARGUMENT,
    401: StatusCode.UNAUTHENTICATED,
    403: StatusCode.PERMISSION_DENIED,
    404: StatusCode.NOT_FOUND,
    413: StatusCode.RESOURCE_EXHAUSTED,
    422: StatusCode.INVALID_ARGUMENT,
    429: StatusCode.RESOURCE_EXHAUSTED,
    503: StatusCode.UNAVAILABLE,
    504: StatusCode.DEADLINE_EXCEEDED,
}
"""All others are INTERNAL."""

_OF_THE_BODY = {b"content-length", b"content-type", b"vary"}


def code_of(status: int) -> StatusCode:
    return CODES.get(status, StatusCode.INTERNAL)


def problem_of(status: int, body: bytes) -> dict[str, Any]:
    """Return the problem in a body, or one made of the status where it has none."""
    with suppress(ValueError):
        problem = json.loads(body)
        if isinstance(problem, dict) and "title" in problem:
            return problem
    return {"title": HTTPStatus(status).phrase}


def metadata_of(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Return the headers of an answer that mean something without its body."""
    return [
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, value in headers
        if name not in _OF_THE_BODY
    ]

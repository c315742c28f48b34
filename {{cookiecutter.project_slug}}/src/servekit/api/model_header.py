"""The header with the version of the model that has answered."""

from typing import Any

from fastapi import Response

HEADER = "X-Model"
RAW_HEADER = HEADER.lower().encode()

DOCUMENTS_MODEL: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            HEADER: {
                "description": "The name and the version of the model that has answered.",
                "schema": {"type": "string", "examples": ["churn:3"]},
            }
        }
    }
}
"""The OpenAPI of a route that sets the header."""


def set_model_header(response: Response, version: str) -> None:
    """Set the header to the version that has answered, if it is known."""
    if version:
        response.headers[HEADER] = version


def model_headers(version: str) -> list[tuple[bytes, bytes]]:
    """Return what `set_model_header` sets, as servers take it."""
    return [(RAW_HEADER, version.encode("latin-1"))] if version else []

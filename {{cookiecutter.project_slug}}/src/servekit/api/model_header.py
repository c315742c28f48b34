"""The header that says which version of a model has answered."""

from typing import Any

from fastapi import Response

HEADER = "X-Model"

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
"""That a route names the model that answered, for OpenAPI."""


def set_model_header(response: Response, version: str) -> None:
    """Set the header to the version that has answered, where that is known."""
    if version:
        response.headers[HEADER] = version

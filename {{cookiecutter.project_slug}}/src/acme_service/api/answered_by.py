"""Every answer of a model says which version of it has answered."""

from typing import Any

from fastapi import Response

from acme_service.ports import Detection

HEADER = "X-Model"

DOCUMENTS_MODEL: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            HEADER: {
                "description": "The name and the version of the model that has answered.",
                "schema": {"type": "string", "examples": ["language:1"]},
            }
        }
    }
}
"""That a route names the model that answered, for OpenAPI."""


def set_model_header(response: Response, detection: Detection | None) -> None:
    """Set the header to the model that has made a detection, where that is known."""
    if detection and detection.model:
        response.headers[HEADER] = detection.model

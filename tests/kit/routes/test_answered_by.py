"""Every answer of a model says which version has answered."""

from typing import Any

import pytest
from httpx2 import Client

TEXT = {"text": "Das ist ein schöner Tag."}
TEXTS = {"items": [{"text": "Das ist ein schöner Tag."}, {"text": "1"}]}
FILE = {"file": ("text.txt", b"Das ist ein Tag.", "text/plain")}


BODIES: dict[str, dict[str, Any]] = {
    "/v1/detect": {"json": TEXT},
    "/v1/detect/batch": {"json": TEXTS},
    "/v1/detect/lines": {"json": TEXTS},
    "/v1/detect/stream": {"json": TEXT},
    "/v1/detect/file": {"files": FILE},
}


@pytest.mark.parametrize(("route", "body"), BODIES.items())
def test_an_answer_names_its_model(client: Client, route: str, body: dict[str, Any]) -> None:
    response = client.post(route, **body)
    assert response.is_success
    assert response.headers["x-model"] == "language:1"


def test_what_no_model_has_answered_names_none(client: Client) -> None:
    assert "x-model" not in client.post("/v1/detect", json={"text": ""}).headers
    assert "x-model" not in client.get("/v1/languages").headers


def test_the_documentation_shows_the_header(client: Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    for route in BODIES:
        answer = paths[route]["post"]["responses"]["200"]
        assert "X-Model" in answer["headers"]
        assert answer["content"]

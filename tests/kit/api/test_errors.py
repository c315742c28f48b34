"""Every error becomes a problem that helps the caller and tells nothing else."""

from collections.abc import AsyncIterator

import pytest
from fastapi.testclient import TestClient

from servekit.contracts import (
    CHAMPION,
    ModelError,
    ModelOverloadedError,
    ModelTimeoutError,
    ModelUnavailableError,
    Prediction,
)

from acme_service.contracts.language import Detection, Query

from tests.fakes import FailingDetector, FakeDetector, create_app, fake_ports

ROUTES = {
    "/v1/detect": {"text": "fine"},
    "/v1/detect/batch": {"items": [{"text": "fine"}]},
    "/v1/detect/lines": {"items": [{"text": "fine"}]},
    "/v1/detect/stream": {"text": "fine"},
}


def client_of(detector: FakeDetector) -> TestClient:
    return TestClient(create_app(fake_ports(detector)), raise_server_exceptions=False)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ModelOverloadedError("busy"), 503),
        (ModelUnavailableError("away"), 503),
        (ModelTimeoutError("late"), 504),
        (ModelError("broken"), 500),
    ],
)
def test_a_model_error_has_its_status(route: str, error: ModelError, status: int) -> None:
    response = client_of(FailingDetector(error)).post(route, json=ROUTES[route])
    assert (response.status_code, response.json()["detail"]) == (status, str(error))
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers.get("retry-after") == ("1" if status == 503 else None)


def test_an_unexpected_error_shows_its_request_id_and_nothing_else() -> None:
    detector = FailingDetector(ModelError())
    detector.error = RuntimeError("s3cret at 10.0.0.1")  # pyright: ignore[reportAttributeAccessIssue]
    headers = {"x-request-id": "mine"}
    response = client_of(detector).post("/v1/detect", json={"text": "a"}, headers=headers)
    assert response.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "request_id": "mine",
    }


def test_a_stream_that_breaks_on_the_way_ends_with_an_error_event() -> None:
    class BreaksLater(FakeDetector):
        async def stream(
            self, item: Query, version: str = CHAMPION
        ) -> AsyncIterator[Prediction[Detection]]:
            yield await self.predict(item, version)
            raise ModelTimeoutError("late")

    response = client_of(BreaksLater()).post("/v1/detect/stream", json={"text": "a b"})
    assert response.status_code == 200
    assert 'event: error\ndata: {"type":"about:blank"' in response.text.replace('": ', '":')
    assert "event: done" not in response.text

"""An analysis can be corrected like any answer about one text."""

from pathlib import Path

from fastapi.testclient import TestClient

from acme_service.api.composition import composition

from .feedback_answers import RECEIPT, TEXT, Answered, keeping, put, url_of
from tests.fakes import CARD, create_app
from tests.features.composition_models import composed


def test_an_analysis_can_be_corrected(tmp_path: Path) -> None:
    corrected = keeping(url_of(tmp_path / "feedback.db"), timeout_s=30)
    with TestClient(create_app(composed(), [corrected, composition()])) as client:
        headers = {"X-Request-ID": "analysis"}
        response = client.post("/v1/analyze", json={"text": TEXT}, headers=headers)
        answer = Answered("analysis", response.headers[RECEIPT], {"text": TEXT})
        stored = put(client, answer, "de")
    assert (stored.status_code, stored.json()["version"]) == (201, CARD.reference)

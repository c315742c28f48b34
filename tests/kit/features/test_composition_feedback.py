"""An analysis can be corrected like any answer about one text."""

from pathlib import Path

from fastapi.testclient import TestClient

from acme_service.api import create_app
from acme_service.api.composition import composition
from acme_service.features.feedback import feedback

from .feedback_answers import RECEIPT, TEXT, Answered, put, settings_for, signing, url_of
from tests.fakes import CARD
from tests.features.composition_models import composed


def test_an_analysis_can_be_corrected(tmp_path: Path) -> None:
    keeping = feedback(signing(), settings_for(url_of(tmp_path / "feedback.db"), timeout_s=30))
    with TestClient(create_app(composed(), [keeping, composition()])) as client:
        headers = {"X-Request-ID": "analysis"}
        response = client.post("/v1/analyze", json={"text": TEXT}, headers=headers)
        corrected = put(client, Answered("analysis", response.headers[RECEIPT]))
    assert (corrected.status_code, corrected.json()["model"]) == (201, CARD.reference)

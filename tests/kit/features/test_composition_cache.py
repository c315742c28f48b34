"""Of an analysis, what the own model has said is remembered."""

from fastapi.testclient import TestClient

from servekit.features.cache import cache
from servekit.features.cache.settings import CacheSettings

from acme_service import SLUG
from acme_service.api.composition import composition

from tests.fakes import FakeDetector, create_app
from tests.features.composition_models import composed


def test_an_analysis_remembers_what_the_own_model_has_said() -> None:
    detector = FakeDetector()
    features = [cache(CacheSettings(), service=SLUG), composition()]
    client = TestClient(create_app(composed(detector), features))
    statuses = [
        client.post("/v1/analyze", json={"text": "fine"}, headers=headers).headers["cache-status"]
        for headers in ({}, {"Cache-Control": "max-age=0, No-Cache"}, {})
    ]
    said = [status.removeprefix("acme-service; ") for status in statuses]
    assert said == ["fwd=miss", "fwd=request", "hit"]
    assert len(detector.asked) == 2

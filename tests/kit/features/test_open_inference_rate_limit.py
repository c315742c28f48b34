"""The features `open_inference` and `rate_limit` together, in the order of `features.py`."""

import pytest
from fastapi.testclient import TestClient

from acme_service.features import features

from tests.fakes import create_app, fake_ports


def test_a_limit_says_why_where_clients_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATE_LIMIT_MODELS", "1/day")
    both = [one for one in features() if one.name in {"open_inference", "rate_limit"}]
    client = TestClient(create_app(fake_ports(), both))
    first, second = (client.get("/v2/models/language") for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 429)
    assert second.json()["error"]
    assert client.get("/v2/health/live").status_code == 200

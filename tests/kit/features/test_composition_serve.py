"""Analyses through the proxy: a model in trouble, and the canary."""

import httpx2
import pytest

from servekit.api.canary import position
from servekit.testing.authenticated_client import HEADERS

from tests.applications.replicated import FRACTION, NAME

pytestmark = [pytest.mark.serve, pytest.mark.application("stuck", NAME)]


def test_a_stuck_model_is_a_504(service: str) -> None:
    url = f"{service}/stuck/v1/analyze"
    response = httpx2.post(url, json={"text": "a"}, headers=HEADERS, timeout=30)
    assert response.status_code == 504
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("key", ["mouse", "deer"])
def test_a_caller_keeps_to_one_version(service: str, key: str) -> None:
    with httpx2.Client(base_url=f"{service}/{NAME}", headers=HEADERS, timeout=30) as client:
        me = client.get("/v1/me")
        drawn = position([me.json()["id"] if me.is_success else key]) < float(FRACTION)
        for number in range(3):
            body = {"text": f"Das ist ein schöner Tag. {number}"}
            answer = client.post("/v1/analyze", json=body, headers={"X-Canary-Key": key})
            assert answer.headers["x-model"] == ("language:2" if drawn else "language:1")

"""Bytes arrive through Serve as they are made, and pages of other origins are let in by CORS."""

import time
from collections.abc import Iterator

import httpx2
import pytest
from fastapi.testclient import TestClient
from httpx2 import Client

from tests.applications.streaming import CHUNKS, ORIGIN, PAUSE_S, Routes

pytestmark = pytest.mark.application("streaming", "chunks")

ELSEWHERE = "https://elsewhere.example"
TEXT = {"text": "fine"}


@pytest.fixture(params=["process", pytest.param("serve", marks=pytest.mark.serve)])
def client(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[httpx2.Client]:
    """A client of the application that pages of ORIGIN may ask."""
    if request.param == "process":
        monkeypatch.setenv("API_CORS_ORIGINS", ORIGIN)
        yield TestClient(Routes().__serve_build_asgi_app__())
        return
    url: str = request.getfixturevalue("service")
    with Client(base_url=f"{url}/streaming", timeout=30) as client:
        yield client


def preflight(client: Client, origin: str) -> httpx2.Response:
    asks = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    return client.options("/v1/detect", headers=asks)


def test_a_route_streams_bytes_as_they_are(client: Client) -> None:
    response = client.get("/bytes")
    assert response.content == b"".join(CHUNKS)
    assert response.headers["content-type"] == "application/octet-stream"


@pytest.mark.serve
@pytest.mark.parametrize("path", ["/streaming/bytes", "/chunks"], ids=["route", "call"])
def test_bytes_arrive_from_serve_while_they_are_made(service: str, path: str) -> None:
    with httpx2.stream("GET", service + path, timeout=30) as response:
        arrivals = [(time.monotonic(), chunk) for chunk in response.iter_raw()]
    assert b"".join(chunk for _, chunk in arrivals) == b"".join(CHUNKS)
    assert response.headers["content-type"] == "application/octet-stream"
    assert arrivals[-1][0] - arrivals[0][0] > PAUSE_S


def test_a_preflight_lets_an_allowed_page_post(client: Client) -> None:
    response = preflight(client, ORIGIN)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert "POST" in response.headers["access-control-allow-methods"]
    assert "content-type" in response.headers["access-control-allow-headers"].lower()


def test_an_allowed_page_may_read_the_answer(client: Client) -> None:
    response = client.post("/v1/detect", json=TEXT, headers={"Origin": ORIGIN})
    assert response.is_success
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert "x-model" in response.headers["access-control-expose-headers"]


def test_a_page_of_another_origin_may_not(client: Client) -> None:
    assert preflight(client, ELSEWHERE).status_code == 400
    response = client.post("/v1/detect", json=TEXT, headers={"Origin": ELSEWHERE})
    assert "access-control-allow-origin" not in response.headers

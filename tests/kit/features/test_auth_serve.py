"""The feature `auth` over Ray Serve: the guard stands behind the proxy, and no secret gets out."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from servekit.testing.cluster import INLINE, Cluster, UrlOf
from servekit.testing.features.auth import HEADERS, KEY, NAME, PASSWORD, SECRET, USER, token

pytestmark = pytest.mark.serve

REQUESTS: dict[str, dict[str, Any]] = {
    "/v1/detect": {"json": {"text": "Das ist ein Tag"}},
    "/v1/detect/stream": {"json": {"text": "Das ist ein Tag"}},
    "/v1/detect/lines": {"json": {"items": [{"text": "Das ist ein Tag"}]}},
    "/v1/detect/file": {"files": {"file": b"Das ist ein Tag"}},
}
WRONG = [
    {},
    {"Authorization": f"Bearer {token()[:-4]}"},
    {"Authorization": "Bearer " + "x" * 7000},
    {"Authorization": f"Bearer {KEY.secret}"},
    {"X-API-Key": token()},
    {"Cookie": f"access_token={token()}"},
]


@pytest.mark.parametrize("prefix", ["", pytest.param("/inline", marks=INLINE)])
def test_credentials_are_checked_on_every_kind_of_route(service: str, prefix: str) -> None:
    with httpx2.Client(base_url=service + prefix, timeout=30) as client:
        form = {"username": NAME, "password": PASSWORD}
        granted = client.post("/v1/token", data=form).json()["access_token"]
        for path, sends in REQUESTS.items():
            for headers in WRONG:
                refused = client.post(path, headers=headers, **sends)
                assert refused.status_code == 401
                assert refused.headers["www-authenticate"] == "Bearer"
                assert refused.headers["content-type"] == "application/problem+json"
            for headers in (HEADERS, {"Authorization": f"Bearer {granted}"}):
                assert "de" in client.post(path, headers=headers, **sends).text
        assert client.get("/v1/me", headers=HEADERS).json()["id"] == f"key:{NAME}"
        assert client.get("/health/ready").is_success


@INLINE
def test_a_token_is_good_for_every_replica(service: str, url_of: UrlOf) -> None:
    form = {"username": NAME, "password": PASSWORD}
    answer = httpx2.post(f"{service}/v1/token", data=form).json()
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    for url in (service, url_of("inline")):
        assert httpx2.get(f"{url}/v1/me", headers=headers).json()["id"] == NAME


@pytest.mark.parametrize("prefix", ["", "/inline"])
def test_a_token_without_the_scope_is_refused(service: str, prefix: str) -> None:
    headers = {"Authorization": f"Bearer {token('admin')}"}
    sends = REQUESTS["/v1/detect"]
    refused = httpx2.post(f"{service}{prefix}/v1/detect", headers=headers, **sends, timeout=30)
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"


def test_huge_credentials_are_no_server_error(service: str) -> None:
    for size in (10_000, 60_000):
        for name in ("Authorization", "X-API-Key", "Cookie"):
            value = "Bearer " + "x" * size
            answer = httpx2.get(f"{service}/v1/me", headers={name: value}, timeout=30)
            assert 400 <= answer.status_code < 500, name


def test_no_secret_stands_in_the_log(cluster: Cluster) -> None:
    for headers in (HEADERS, {"Authorization": f"Bearer {token()}"}, *WRONG):
        httpx2.post(f"{cluster.url}/v1/detect", json={"text": "a"}, headers=headers)
    httpx2.post(f"{cluster.url}/v1/token", data={"username": NAME, "password": PASSWORD})
    time.sleep(0.5)  # lines are written some times a second
    log = cluster.log.read_text()
    assert '"status":401' in log
    for secret in (SECRET, PASSWORD, KEY.secret, USER.proof, token()[:60]):
        assert secret not in log


def test_sign_ins_and_refusals_are_in_the_audit_trail(cluster: Cluster) -> None:
    asks: dict[str, tuple[str, dict[str, Any]]] = {
        "trail-good": ("/v1/token", {"data": {"username": NAME, "password": PASSWORD}}),
        "trail-wrong": ("/v1/token", {"data": {"username": NAME, "password": "wrong" * 3}}),
        "trail-nobody": ("/v1/detect", {"json": {"text": "a"}}),
    }
    found: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + 30
    # Once more: refusals of other tests, from the same address, may have taken the place of these.
    while len(found) < len(asks) and time.monotonic() < deadline:
        for name in asks.keys() - found.keys():
            path, sends = asks[name]
            httpx2.post(cluster.url + path, headers={"X-Request-ID": name}, **sends)
        time.sleep(1)
        found |= {one["request_id"]: one for one in trail(cluster) if one["request_id"] in asks}
    outcomes = {name: (one["event"], one["status"]) for name, one in found.items()}
    assert outcomes == {
        "trail-good": ("sign-in", 200),
        "trail-wrong": ("sign-in", 401),
        "trail-nobody": ("refusal", 401),
    }
    assert {one["address"] for one in found.values()} == {"127.0.0.1"}
    assert found["trail-good"]["principal"] == NAME


def trail(cluster: Cluster) -> Iterator[dict[str, Any]]:
    """The lines of the audit trail that are about requests."""
    for line in cluster.log.read_text().splitlines():
        if '"logger":"servekit.audit"' in line and '"request_id"' in line:
            yield json.loads(line[line.index('{"time"') :])

"""Whatever a client sends or does not send, others are answered by the real proxy."""

import os
import time

import httpx2
import pytest

from servekit.testing.authenticated_client import HEADERS
from servekit.testing.cluster import Cluster, UrlOf

from .slow_senders import MAX_BODY_BYTES, first_status, slow_senders
from tests.browser import wait_for

pytestmark = pytest.mark.serve

MANY = 1_010
"""More than an ingress replica has places for."""

TEXT = {"text": "Guten Morgen!"}


def test_slow_senders_keep_no_other_client_out(service: str) -> None:
    with slow_senders(service, MANY) as senders:
        for sender in senders:
            sender.sendall(b" ")
        for _ in range(3):
            began = time.monotonic()
            assert httpx2.get(f"{service}/health/live", timeout=10).status_code == 200
            assert time.monotonic() - began < 1
            answer = httpx2.post(f"{service}/v1/detect", json=TEXT, headers=HEADERS, timeout=10)
            assert answer.status_code == 200


@pytest.mark.application("stuck")
@pytest.mark.skipif(os.environ.get("PROXY") == "python", reason="It has settings of its own.")
def test_bodies_of_one_address_leave_room_for_others(cluster: Cluster, url_of: UrlOf) -> None:
    url = url_of("stuck")
    flood, other = ({"X-Forwarded-For": one} for one in ("203.0.113.9", "203.0.113.10"))
    large = {"text": "x" * (MAX_BODY_BYTES // 4)}
    sent = MAX_BODY_BYTES - 1
    with slow_senders(url, 6, headers=flood, size=MAX_BODY_BYTES, sent=sent) as senders:
        assert first_status(senders) == 429
        answers = [
            httpx2.post(f"{url}/v1/detect", json=large, headers=HEADERS | one, timeout=10)
            for one in (flood, other)
        ]
    assert [one.status_code for one in answers] == [429, 422]
    assert answers[0].headers["retry-after"] == "1"
    refused = answers[0].headers["x-request-id"]
    wait_for(lambda: refused in cluster.log.read_text(), "its line in the log")


@pytest.mark.parametrize(
    "header",
    [
        (b"X-Request-ID", b"\xff"),
        (b"X-Request-ID", b""),
        (b"X-Request-Timeout-Seconds", b"0.000001"),
        (b"X-Request-Timeout-Seconds", b"\xff"),
        (b"X-Request-Disconnect-Disabled", b"\xff"),
        (b"X-Session-ID", b"\xff"),
        (b"Serve-Multiplexed-Model-ID", b"\xff"),
        (b"Traceparent", b"\xff"),
    ],
)
def test_headers_for_serve_change_nothing(service: str, header: tuple[bytes, bytes]) -> None:
    sent = [header, *((name.encode(), value.encode()) for name, value in HEADERS.items())]
    response = httpx2.post(f"{service}/v1/detect", json=TEXT, headers=sent, timeout=10)
    assert response.status_code == 200
    assert len(response.headers["x-request-id"]) > 20

"""Through the proxy, pieces arrive one by one, and leaving stops the work."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from servekit.testing.authenticated_client import HEADERS
from servekit.testing.cluster import Cluster, UrlOf

from tests.applications.misbehaving import notes

pytestmark = [pytest.mark.serve, pytest.mark.application("stuck")]

ROUTES: dict[str, dict[str, Any]] = {
    "/v1/detect/stream": {"text": "Das ist ein Tag"},
    "/v1/detect/lines": {"items": [{"text": "Das ist"}, {"text": "ein Tag"}]},
}
METHODS = {"/v1/detect/stream": "stream", "/v1/detect/lines": "predict_each"}


@contextmanager
def stream(url: str, body: dict[str, Any]) -> Iterator[Iterator[bytes]]:
    timeout = httpx2.Timeout(10, read=30)
    with httpx2.stream("POST", url, json=body, headers=HEADERS, timeout=timeout) as response:
        assert response.status_code == 200
        yield response.iter_raw()


def eventually(condition: Callable[[], bool], within_s: float = 10) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("route", ROUTES)
def test_the_first_piece_arrives_while_the_second_is_being_made(url_of: UrlOf, route: str) -> None:
    # The stuck model gives one piece and would take two seconds to be given up.
    with stream(url_of("stuck") + route, ROUTES[route]) as pieces:
        began = time.monotonic()
        assert b"en" in next(pieces)
        assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("route", ROUTES)
def test_a_client_that_leaves_cancels_the_stream_behind_it(
    cluster: Cluster, url_of: UrlOf, route: str
) -> None:
    note = f"{METHODS[route]} cancelled"
    before = notes(cluster).read_text().count(note)
    with stream(url_of("stuck") + route, ROUTES[route]) as pieces:
        next(pieces)
    assert eventually(lambda: notes(cluster).read_text().count(note) > before)


def test_a_lone_client_that_leaves_cancels_its_call(cluster: Cluster, url_of: UrlOf) -> None:
    before = notes(cluster).read_text().count("predict_batch cancelled")
    url = url_of("stuck") + "/v1/detect"
    with pytest.raises(httpx2.ReadTimeout):
        httpx2.post(url, json={"text": "a"}, headers=HEADERS, timeout=0.7)
    began = notes(cluster).read_text().count("predict_batch began")
    assert began > 0
    assert eventually(lambda: notes(cluster).read_text().count("predict_batch cancelled") > before)


def test_a_stream_whose_model_gets_stuck_ends_with_an_error_event(url_of: UrlOf) -> None:
    body = ROUTES["/v1/detect/stream"]
    with stream(url_of("stuck") + "/v1/detect/stream", body) as pieces:
        text = b"".join(pieces).decode()
    assert "event: error" in text
    assert '"status":504' in text.replace(" ", "")


def test_long_lines_begin_before_the_last_text_is_done(service: str) -> None:
    texts = ["Das ist ein schöner Tag. " * 350] * 1000
    began = time.monotonic()
    first = last = 0.0
    with stream(
        f"{service}/v1/detect/lines", {"items": [{"text": text[:3000]} for text in texts]}
    ) as pieces:
        for _ in pieces:
            last = time.monotonic() - began
            first = first or last
    assert first < last / 2

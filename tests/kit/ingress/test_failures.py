"""Through the proxy, a model in trouble is a clear answer, never a hang or a leak."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from servekit.testing.authenticated_client import HEADERS
from servekit.testing.cluster import Cluster, UrlOf

from tests.applications.misbehaving import FAILS

pytestmark = [pytest.mark.serve, pytest.mark.application("stuck", "busy")]

INTERNALS = re.compile(r"Traceback|\bpid\b|\bip=|\d+\.\d+\.\d+\.\d+|/[a-z]+/[a-z]+\.py|\x1b")


def ask(url: str, body: dict[str, object]) -> httpx2.Response:
    return httpx2.post(url, json=body, headers=HEADERS, timeout=30)


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("/v1/detect", {"text": "a"}),
        ("/v1/detect/batch", {"items": [{"text": "a"}]}),
    ],
)
def test_a_stuck_model_is_a_504(url_of: UrlOf, route: str, body: dict[str, object]) -> None:
    response = ask(url_of("stuck") + route, body)
    assert response.status_code == 504
    assert response.headers["content-type"] == "application/problem+json"
    assert not INTERNALS.search(response.text)


def test_a_stuck_model_is_not_ready_but_alive(url_of: UrlOf) -> None:
    response = httpx2.get(url_of("stuck") + "/health/ready", timeout=10)
    assert response.status_code == 503
    assert httpx2.get(url_of("stuck") + "/health/live").status_code == 200


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("/v1/detect", lambda number: {"text": f"a {number}"}),
        ("/v1/detect/batch", lambda number: {"items": [{"text": f"a {number}"}]}),
    ],
    ids=["batched", "own-calls"],
)
def test_a_saturated_model_is_a_503_worth_retrying(
    url_of: UrlOf, route: str, body: Callable[[int], dict[str, object]]
) -> None:
    url = url_of("busy") + route
    # Different texts: nothing on the way may answer for the model.
    with ThreadPoolExecutor(40) as threads:
        responses = list(threads.map(lambda number: ask(url, body(number)), range(40)))
    refused = [one for one in responses if one.status_code == 503]
    assert {one.status_code for one in responses} <= {200, 503, 504}
    assert any(one.status_code == 200 for one in responses)
    assert refused
    for one in refused:
        assert one.headers["retry-after"] == "1"
        assert one.headers["content-type"] == "application/problem+json"
        assert not INTERNALS.search(one.text)


def test_a_busy_model_stays_ready(url_of: UrlOf) -> None:
    def load(caller: int) -> None:
        for number in range(3):
            ask(url_of("busy") + "/v1/detect", {"text": f"a {caller} {number}"})

    assert ask(url_of("busy") + "/v1/detect", {"text": "a"}).status_code == 200
    with ThreadPoolExecutor(24) as threads:
        loads = [threads.submit(load, number) for number in range(24)]
        ready = []
        while not all(one.done() for one in loads):
            response = httpx2.get(url_of("busy") + "/health/ready", timeout=10)
            ready.append(response.json().get("detail", "ready"))
    assert set(ready) == {"ready"}


def test_the_log_has_a_line_for_a_request_and_its_task(cluster: Cluster) -> None:
    headers = HEADERS | {"x-request-id": "find-me-in-the-log"}
    url, files = f"{cluster.url}/v1/detect/file", {"file": b"hello"}
    httpx2.post(url, files=files, headers=headers)
    with ThreadPoolExecutor(1) as threads:
        lines = threads.submit(_lines_with, cluster, "find-me-in-the-log", 2).result(30)
    assert any('"message":"request"' in line for line in lines)
    assert any('"message":"file detected"' in line for line in lines)


def _lines_with(cluster: Cluster, word: str, count: int) -> list[str]:
    lines: list[str] = []
    while len(lines) < count:
        lines = [line for line in cluster.log.read_text().splitlines() if word in line]
    return lines


@pytest.mark.application("mortal")
def test_the_line_of_a_failing_model_has_the_id_of_its_request(
    url_of: UrlOf, cluster: Cluster
) -> None:
    def post(number: int) -> int:
        text = FAILS if number == 5 else f"a {number}"
        headers = HEADERS | {"x-request-id": f"one-of-many-{number}"}
        url = url_of("mortal") + "/v1/detect"
        return httpx2.post(url, json={"text": text}, headers=headers, timeout=30).status_code

    with ThreadPoolExecutor(4) as threads:  # as many as may wait
        statuses = [*threads.map(post, range(16))]
    assert statuses == [500 if number == 5 else 200 for number in range(16)]
    with ThreadPoolExecutor(1) as threads:
        lines = threads.submit(_lines_with, cluster, "the language model failed", 1).result(30)
    [failed] = [json.loads(line[line.index('{"time"') :]) for line in lines if "guessed" in line]
    assert failed["request_id"] == "one-of-many-5"
    assert "ValueError: It cannot be guessed." in failed["exception"]


@pytest.mark.application("mortal")
def test_what_a_model_logs_is_json_with_the_id(url_of: UrlOf, cluster: Cluster) -> None:
    headers = HEADERS | {"x-request-id": "asked-by-itself"}
    httpx2.post(url_of("mortal") + "/v1/detect", json={"text": "alone"}, headers=headers)
    with ThreadPoolExecutor(1) as threads:
        lines = threads.submit(_lines_with, cluster, "asked-by-itself", 2).result(30)
    [line] = [one for one in lines if '"message":"guessing"' in one]
    found = json.loads(line[line.index('{"time"') :])
    assert (found["level"], found["chars"]) == ("INFO", 5)
    assert found["request_id"] == "asked-by-itself"

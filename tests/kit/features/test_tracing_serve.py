"""The feature `tracing` over Ray Serve: through the proxy, handles and other processes."""

import asyncio
import json
import os
import secrets
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from servekit.testing.authenticated_client import HEADERS
from servekit.testing.cluster import Cluster
from servekit.testing.features.tracing import RECEIVER, Received

from .test_tracing import ASK, DETECT, ancestors, followed, named, traceparent

pytestmark = pytest.mark.serve

INGRESS = "replica_handle_request ingress __call__"
MODEL = "replica_handle_request language predict_batch"


def asking(url: str, trace_id: str, sampled: bool = True) -> httpx2.Response:
    headers = HEADERS | traceparent(trace_id, sampled)
    body = {"text": f"the house of {trace_id}"}
    return httpx2.post(f"{url}/v1/detect", json=body, headers=headers, timeout=30)


def has(*names: str) -> Callable[[list[Received]], bool]:
    return lambda spans: {*names} <= {span.name for span in spans}


def test_one_trace_goes_from_the_client_to_the_model(service: str) -> None:
    trace_id = secrets.token_hex(16)
    assert asking(service, trace_id).is_success
    spans = RECEIVER.trace_with(trace_id, followed(MODEL))
    way = ancestors(named(MODEL, spans), spans)
    route, ask, *_ = way
    assert (route, ask) == ("route_to_replica language predict_batch", ASK)
    assert way.index(ASK) < way.index(DETECT) < way.index(INGRESS)


@pytest.mark.skipif(os.environ.get("PROXY") != "python", reason="HAProxy makes no spans")
def test_the_proxy_has_a_span_of_its_own(service: str) -> None:
    trace_id = secrets.token_hex(16)
    assert asking(service, trace_id).is_success
    spans = RECEIVER.trace_with(trace_id, followed(MODEL))
    assert any(
        name.startswith("proxy_http_request") for name in ancestors(named(MODEL, spans), spans)
    )


async def asking_at_once(url: str, ids: list[str]) -> None:
    async with httpx2.AsyncClient(base_url=url, headers=HEADERS, timeout=60) as client:
        posts = [
            client.post("/v1/detect", json={"text": f"house {one}"}, headers=traceparent(one))
            for one in ids
        ]
        assert all(answer.is_success for answer in await asyncio.gather(*posts))


def calls_of(trace_id: str) -> set[str]:
    """The ids of the calls to the model that a trace says it waited for."""
    own = {span.span_id for span in RECEIVER.trace(trace_id) if span.name == ASK}
    asking = [span for span in RECEIVER.trace(trace_id) if span.name != ASK]
    return own | {linked for span in asking for _, linked in span.links}


def test_a_batched_call_is_found_from_every_trace(service: str) -> None:
    ids = [secrets.token_hex(16) for _ in range(60)]
    asyncio.run(asking_at_once(service, ids))
    for one in ids:
        RECEIVER.trace_with(one, lambda _, one=one: calls_of(one))
    deadline = time.monotonic() + 10
    wanted = set().union(*map(calls_of, ids))
    while wanted - {span.span_id for span in RECEIVER.spans} and time.monotonic() < deadline:
        time.sleep(0.05)
    calls = [span for span in RECEIVER.spans if span.span_id in wanted]
    assert {span.name for span in calls} == {ASK}
    shared = [call for call in calls if call.links]
    assert shared, "Sixty requests at once, and none travelled with another."
    for call in shared:
        spans = RECEIVER.trace_with(call.trace_id, has(MODEL))
        assert call.span_id in {span.parent_id for span in spans}


@pytest.mark.parametrize(
    ("route", "body", "method"),
    [
        # So long that it is not given whole.
        ("/v1/detect/stream", {"text": "Das ist ein Tag " * 100}, "stream_chunks"),
        ("/v1/detect/lines", {"items": [{"text": "Das ist"}] * 2}, "predict_each_chunks"),
    ],
)
def test_a_stream_is_followed_to_the_model(
    service: str, route: str, body: dict[str, Any], method: str
) -> None:
    trace_id = secrets.token_hex(16)
    headers = HEADERS | traceparent(trace_id)
    assert httpx2.post(service + route, json=body, headers=headers, timeout=30).is_success
    model = f"replica_handle_request language {method}"
    spans = RECEIVER.trace_with(trace_id, followed(model))
    assert f"POST {route}" in ancestors(named(model, spans), spans)


def test_what_the_caller_does_not_record_is_recorded_nowhere(service: str) -> None:
    before = len(RECEIVER.spans)
    ids = [secrets.token_hex(16) for _ in range(5)]
    assert all(asking(service, one, sampled=False).is_success for one in ids)
    marker = secrets.token_hex(16)
    asking(service, marker)
    RECEIVER.trace_with(marker, has(MODEL))
    time.sleep(2)
    begun = [span for span in RECEIVER.spans[before:] if span.trace_id != marker]
    # Readiness may be asked meanwhile, by nobody in particular.
    assert [span.name for span in begun if "detect" in span.name] == []
    assert not {span.trace_id for span in begun} & {*ids}


def test_log_lines_of_the_ingress_carry_the_trace(cluster: Cluster) -> None:
    trace_id = secrets.token_hex(16)
    headers = HEADERS | traceparent(trace_id)
    url, files = f"{cluster.url}/v1/detect/file", {"file": b"a"}
    assert httpx2.post(url, files=files, headers=headers, timeout=30).is_success
    deadline = time.monotonic() + 10
    while not (lines := logged(cluster, trace_id)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert {"file detected", "request"} <= {line["message"] for line in lines}


def logged(cluster: Cluster, trace_id: str) -> list[dict[str, Any]]:
    found = [line for line in cluster.log.read_text().splitlines() if trace_id in line]
    return [json.loads(line[line.index("{") :]) for line in found]


@pytest.mark.parametrize("said", [b"garbage", b"00-" + b"f" * 32, b"\xff\xfe"])
def test_a_malformed_traceparent_is_no_news(service: str, said: bytes) -> None:
    headers = {**{k.encode(): v.encode() for k, v in HEADERS.items()}, b"traceparent": said}
    response = httpx2.post(f"{service}/v1/detect", json={"text": "a"}, headers=headers)
    assert response.status_code == 200

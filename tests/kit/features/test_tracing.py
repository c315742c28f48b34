"""The feature `tracing`: what belongs to a trace, and what does not."""

import asyncio
import json
import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Client
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision

from servekit.contracts import Prediction
from servekit.features.tracing import TracingSettings, around_call, tracing
from servekit.features.tracing.sampling import Entrances, at_serve
from servekit.logs import KIT_LOGGER, JsonFormatter
from servekit.serving.client import ModelClient
from servekit.serving.settings import BatcherSettings
from servekit.settings import SettingsError
from servekit.testing.fakes import FakeMeter
from servekit.testing.features.tracing import RECEIVER, Received

from acme_service.contracts.language import Detection, Query

from tests.fakes import create_app, fake_ports

CLIENTS_SPAN = "00f067aa0ba902b7"
DETECT = "POST /v1/detect"
ASK = "ask language"


def traceparent(trace_id: str, sampled: bool = True) -> dict[str, str]:
    return {"traceparent": f"00-{trace_id}-{CLIENTS_SPAN}-0{int(sampled)}"}


@pytest.fixture
def trace_id() -> str:
    return secrets.token_hex(16)


@pytest.fixture
def traced() -> Iterator[TestClient]:
    """A service that has nothing but tracing."""
    with TestClient(create_app(fake_ports(), [tracing()])) as client:
        yield client


def named(name: str, spans: Sequence[Received]) -> Received:
    [found] = [span for span in spans if span.name == name]
    return found


def sent() -> list[Received]:
    """Every span that has ended up to now."""
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    provider.force_flush()
    return RECEIVER.spans


def ancestors(span: Received, spans: Sequence[Received]) -> list[str]:
    """The names of the spans above one, the nearest first, ending with what the client sent."""
    above = {one.span_id: one for one in spans}
    names = []
    while span.parent_id in above:
        span = above[span.parent_id]
        names.append(span.name)
    return [*names, span.parent_id]


def followed(name: str) -> Callable[[list[Received]], object]:
    """Whether a trace leads from what the client sent to a span of this name."""
    return lambda spans: [
        span for span in spans if span.name == name and ancestors(span, spans)[-1] == CLIENTS_SPAN
    ]


def test_a_request_is_followed_to_the_model_in_its_callers_trace(
    client: Client, trace_id: str
) -> None:
    body = {"text": f"house {trace_id}"}
    assert client.post("/v1/detect", json=body, headers=traceparent(trace_id)).is_success
    prefix = client.base_url.path.rstrip("/")
    spans = RECEIVER.trace_with(trace_id, followed(ASK))
    assert f"POST {prefix}/v1/detect" in ancestors(named(ASK, spans), spans)
    assert {span.service for span in spans} == {"acme-service"}


def test_a_span_names_the_route_and_not_what_was_asked(traced: TestClient, trace_id: str) -> None:
    traced.get("/v1/languages/de", headers=traceparent(trace_id))
    sent()
    span = named("GET /v1/languages/{code}", RECEIVER.trace(trace_id))
    assert span.attributes["http.route"] == "/v1/languages/{code}"
    assert span.attributes["http.response.status_code"] == "200"


def test_without_a_caller_who_traces_a_trace_begins_here(traced: TestClient) -> None:
    before = len(sent())
    traced.get("/health/live")
    assert [span.parent_id for span in sent()[before:] if "/health/live" in span.name] == [""]


def test_an_unsampled_caller_leaves_no_spans(traced: TestClient, trace_id: str) -> None:
    before = len(sent())
    traced.post("/v1/detect", json={"text": "a"}, headers=traceparent(trace_id, sampled=False))
    assert sent()[before:] == []


@pytest.mark.parametrize("said", ["", "garbage", "00-0-0-01", "00-" + "0" * 32 + "-" + "0" * 16])
def test_a_malformed_traceparent_is_no_news(traced: TestClient, said: str) -> None:
    response = traced.post("/v1/detect", json={"text": "a"}, headers={"traceparent": said})
    assert response.status_code == 200


def test_log_lines_carry_the_id_of_their_trace(
    monkeypatch: pytest.MonkeyPatch, trace_id: str
) -> None:
    lines: list[dict[str, Any]] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(JsonFormatter().format(record)))

    handlers = [Keep()]  # of both, as `configure_logging` has it
    for log in map(logging.getLogger, (KIT_LOGGER, "acme_service")):
        monkeypatch.setattr(log, "handlers", handlers)
        monkeypatch.setattr(log, "level", logging.INFO)
    with TestClient(create_app(fake_ports(), [tracing()])) as client:
        client.post("/v1/detect/file", files={"file": b"a"}, headers=traceparent(trace_id))
    [line] = [one for one in lines if one["message"] == "file detected"]
    assert line["trace_id"] == trace_id
    assert len(line["span_id"]) == 16
    assert [
        one for one in lines if one["message"] == "service stopping" and "trace_id" in one
    ] == []


class Calls:
    """A model that answers everything."""

    async def call(self, method: str, *args: Any) -> list[Prediction[Detection]]:
        await asyncio.sleep(0)
        return [Prediction(Detection()) for _ in args[0]]

    stream: Any = None


async def batched(requests: int, sampled: Sequence[bool] = ()) -> list[str]:
    """The trace ids of requests that are asked for in one call."""
    detector = ModelClient("language", Calls(), BatcherSettings(), FakeMeter(), around_call)
    ids = [secrets.token_hex(16) for _ in range(requests)]

    async def request(trace_id: str, recorded: bool) -> None:
        context = trace.SpanContext(
            int(trace_id, 16), 1, is_remote=True, trace_flags=trace.TraceFlags(int(recorded))
        )
        parent = trace.set_span_in_context(trace.NonRecordingSpan(context))
        with trace.get_tracer("tests").start_as_current_span("request", context=parent):
            await detector.predict(Query("a"))

    wanted = [*sampled, *[True] * (requests - len(sampled))]
    await asyncio.gather(*map(request, ids, wanted))
    return ids


@pytest.mark.usefixtures("traced")
async def test_a_batched_call_links_the_spans_of_all_requests() -> None:
    first, *others = await batched(3)
    sent()
    call = named(ASK, RECEIVER.trace(first))
    assert call.attributes["requests"] == "3"
    assert ancestors(call, RECEIVER.trace(first))[0] == "request"
    assert [linked for linked, _ in call.links] == others
    for other in others:
        request = named("request", RECEIVER.trace(other))
        assert request.links == ((first, call.span_id),)


@pytest.mark.usefixtures("traced")
async def test_a_batch_asks_for_all_its_texts_as_one() -> None:
    detector = ModelClient("language", Calls(), BatcherSettings(), FakeMeter(), around_call)
    with trace.get_tracer("tests").start_as_current_span("request") as request:
        await detector.predict_batch([Query("a")] * 3)
    sent()
    spans = RECEIVER.trace(trace.format_trace_id(request.get_span_context().trace_id))
    call = named(ASK, spans)
    assert (call.attributes["requests"], call.links) == ("1", ())
    assert named("request", spans).links == ()


@pytest.mark.usefixtures("traced")
async def test_a_batched_call_is_recorded_if_any_request_is() -> None:
    unrecorded, recorded = await batched(2, [False])
    sent()
    assert RECEIVER.trace(unrecorded) == []
    assert named(ASK, RECEIVER.trace(recorded)).links == ()


@pytest.mark.usefixtures("traced")
async def test_a_batched_call_of_unsampled_requests_has_no_span() -> None:
    before = len(sent())
    await batched(2, [False, False])
    assert sent()[before:] == []


@pytest.mark.parametrize(
    ("haproxy", "name", "begins"),
    [
        ("1", "proxy_http_request", True),
        ("1", "replica_handle_request ingress __call__", True),
        ("1", "replica_handle_request language predict_batch", False),
        ("1", "POST", False),
        ("0", "proxy_http_request", True),
        ("0", "replica_handle_request ingress __call__", False),
        ("0", "route_to_replica", False),
    ],
)
def test_on_serve_a_trace_begins_where_requests_come_in(
    monkeypatch: pytest.MonkeyPatch, haproxy: str, name: str, begins: bool
) -> None:
    monkeypatch.setenv("RAY_SERVE_ENABLE_HA_PROXY", haproxy)
    result = Entrances(1.0, at_serve()).should_sample(None, 1, name)
    assert (result.decision is Decision.RECORD_AND_SAMPLE) == begins


def test_the_ratio_is_of_the_traces_that_begin_here() -> None:
    sampler = Entrances(0.25, ("",))
    ids = [secrets.randbits(128) for _ in range(4000)]
    kept = [sampler.should_sample(None, one, "GET").decision.is_sampled() for one in ids]
    assert 800 < sum(kept) < 1200


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TRACING_SAMPLE_RATIO", "1.5"),
        ("TRACING_SAMPLE_RATIO", "often"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://host:port"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "0"),
        ("OTEL_BSP_SCHEDULE_DELAY", "-1"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(
        SettingsError, match=f"^{variable}: should be .*[^.]\\.$|^{variable}: input"
    ):
        TracingSettings.load()

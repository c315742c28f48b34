"""The features `grpc` and `metrics`: a call is counted as a request is, and each of a stream."""

from dataclasses import replace

from servekit.features.metrics import metrics
from servekit.ingress.grpc import grpc
from servekit.ingress.grpc.routes import MODEL_INFER, MODEL_STREAM_INFER
from servekit.testing.fakes import FakeMeter

from .grpc_callers import in_process, refusal, texts
from tests.fakes import create_app, fake_ports


async def test_calls_are_counted_by_method_and_status() -> None:
    meter = FakeMeter()
    ports = replace(fake_ports(), meter=meter)
    async with in_process(create_app(ports, [metrics(), grpc().feature])) as caller:
        await caller.infer(texts("a"))
        await refusal(caller.infer(texts("")))
        await caller.languages(texts("a"), texts(""))
    for route in (MODEL_INFER, MODEL_STREAM_INFER):
        for status in ("200", "422"):
            labels = frozenset({("route", route), ("method", "POST"), ("status", status)})
            # A stream opens as a request of its own.
            opening = route == MODEL_STREAM_INFER and status == "200"
            assert meter.counts["http_requests_total", labels] == 1 + opening
    assert [name for name, _ in meter.observations] == ["http_request_seconds"] * 5

"""The features `grpc` and `metrics`: a call is counted as a request is."""

from dataclasses import replace

from servekit.features.metrics import metrics
from servekit.testing.fakes import FakeMeter

from acme_service.grpc import grpc
from acme_service.grpc.routes import DETECT

from .grpc_callers import DetectRequest, in_process, refusal
from tests.fakes import create_app, fake_ports


async def test_calls_are_counted_by_method_and_status() -> None:
    meter = FakeMeter()
    ports = replace(fake_ports(), meter=meter)
    async with in_process(create_app(ports, [metrics(), grpc().feature])) as caller:
        await caller.detect(DetectRequest(text="a"))
        await refusal(caller.detect(DetectRequest()))
    for status in ("200", "422"):
        labels = frozenset({("route", DETECT), ("method", "POST"), ("status", status)})
        assert meter.counts["http_requests_total", labels] == 1
    assert [name for name, _ in meter.observations] == ["http_request_seconds"] * 2

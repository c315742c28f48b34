"""A collector for the tests, which takes spans as OTLP over HTTP and remembers them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Received:
    """A span; ids are in hexadecimal. No parent is an empty one."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    links: tuple[tuple[str, str], ...]
    attributes: dict[str, str]


class Receiver:
    """Listens on a port of its own for as long as this process lives."""

    def __init__(self) -> None:
        self.spans: list[Received] = []
        spans = self.spans

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                spans.extend(spans_in(body))
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200 if self.path == "/v1/traces" else 404)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, name="receiver", daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def trace(self, trace_id: str) -> list[Received]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def trace_with(
        self, trace_id: str, complete: Callable[[list[Received]], object], within_s: float = 15
    ) -> list[Received]:
        """The spans of a trace, as soon as they are complete; fails if they never are."""
        deadline = time.monotonic() + within_s
        while not complete(spans := self.trace(trace_id)):
            names = [span.name for span in spans]
            assert time.monotonic() < deadline, f"The trace is not complete: {names}"
            time.sleep(0.05)
        return spans


def spans_in(body: bytes) -> list[Received]:
    return [
        Received(
            service=attributes_of(resource.resource)["service.name"],
            name=span.name,
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_id=span.parent_span_id.hex(),
            links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
            attributes=attributes_of(span),
        )
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def attributes_of(owner: object) -> dict[str, str]:
    """Attributes as text, whatever they are."""
    values = {one.key: one.value for one in getattr(owner, "attributes", ())}
    return {key: str(getattr(value, value.WhichOneof("value"))) for key, value in values.items()}


RECEIVER = Receiver()

SETTINGS = {"OTEL_EXPORTER_OTLP_ENDPOINT": RECEIVER.url}

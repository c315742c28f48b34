"""Exports spans while the service runs, and correlates log lines with them."""

import logging
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from anyio import to_thread
from fastapi import FastAPI
from opentelemetry import propagate, trace
from opentelemetry.context import Context, get_current
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import CarrierT, Getter, default_getter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased

from servekit.logs import KIT_LOGGER

from .sampling import ANYWHERE, Entrances, at_serve
from .settings import TracingSettings, collector

log = logging.getLogger(__name__)

FLUSH_S = 1.5
"""Seconds that the end of the service waits for the collector to take the last spans."""

UNKNOWN = "unknown_service"
"""OpenTelemetry's name for a service without one."""

DELAY_MS = 1000
"""Spans wait this long for others to travel with: shorter than a replica of a model lives on
after its last call, which has no other way to send its last spans."""


class Inherited(CompositePropagator):
    """Reads a request's headers only where no span has been made of it already.

    FastAPI would otherwise put its span beside Ray Serve's instead of below it.
    """

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        current = get_current()
        if trace.get_current_span(current).get_span_context().is_valid:
            return current
        return super().extract(carrier, context, getter)


def with_trace_ids(record: logging.LogRecord) -> bool:
    """Add `trace_id` and `span_id` to what is logged during a request."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        record.trace_id = trace.format_trace_id(span.trace_id)
        record.span_id = trace.format_span_id(span.span_id)
    return True


def exported(settings: TracingSettings) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Return a lifespan that exports spans to the collector."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        _begin(settings.sample_ratio, ANYWHERE, app.state.service.slug)
        # On handlers: a filter on a logger does not see what the loggers below it pass up.
        for handler in logging.getLogger(KIT_LOGGER).handlers:
            handler.addFilter(with_trace_ids)
        if collector() is None:
            log.warning("spans are not sent: OTEL_EXPORTER_OTLP_ENDPOINT is not set")
        yield
        await to_thread.run_sync(flush, trace.get_tracer_provider())

    return lifespan


def span_processors() -> list[SpanProcessor]:
    """Called by Ray Serve in each of its processes, because `deploy/serve.env` says so."""
    _begin(TracingSettings.load().sample_ratio, at_serve(), UNKNOWN)
    # Serve makes a provider too, which comes too late to be used; that is no news.
    logging.getLogger(trace.__name__).addFilter(lambda said: "Overriding" not in said.msg)
    return []


def _begin(sample_ratio: float, entrances: tuple[str, ...], service: str) -> None:
    """Start making and exporting spans, unless this process does so already."""
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(provider(sample_ratio, entrances, service))
        propagate.set_global_textmap(Inherited([propagate.get_global_textmap()]))


def provider(
    sample_ratio: float, entrances: tuple[str, ...], service: str = UNKNOWN
) -> TracerProvider:
    """Return a provider that exports spans to the collector, if there is one.

    service: its name in traces, unless `OTEL_SERVICE_NAME` says another.
    """
    spans = TracerProvider(
        sampler=ParentBased(Entrances(sample_ratio, entrances)),
        resource=_resource(service),
        # It would wait for a dead collector as long as that likes; `flush` does not.
        shutdown_on_exit=False,
    )
    if collector():
        delay = None if "OTEL_BSP_SCHEDULE_DELAY" in os.environ else DELAY_MS
        spans.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=delay)
        )
    return spans


def _resource(service: str) -> Resource:
    given = Resource.create()
    if str(given.attributes[SERVICE_NAME]).startswith(UNKNOWN):
        return given.merge(Resource({SERVICE_NAME: service}))
    return given


def flush(spans: trace.TracerProvider) -> None:
    """Send what has not been sent, if the collector takes it in time."""
    if isinstance(spans, TracerProvider):
        # In a daemon thread, which the end of the process does not join: a flush has no time limit.
        flushing = threading.Thread(target=spans.force_flush, name="flush-spans", daemon=True)
        flushing.start()
        flushing.join(FLUSH_S)

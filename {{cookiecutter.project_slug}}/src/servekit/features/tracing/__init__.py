"""Traces every request through Ray Serve's proxy, the ingress and the models.

FastAPI and Ray Serve make the spans by themselves, once this process has a place to send them
to. What they cannot know is done here: which spans a batched call belongs to, where traces may
begin, and which log line was written in which trace.
"""

from servekit.api import Feature

from .batch_spans import around_call
from .exporter import exported
from .settings import TracingSettings


def tracing(settings: TracingSettings | None = None) -> Feature:
    """Export spans over OTLP to `OTEL_EXPORTER_OTLP_ENDPOINT`; add trace ids to the log."""
    settings = settings or TracingSettings.load()
    return Feature(name="tracing", around_call=around_call, lifespan=exported(settings))

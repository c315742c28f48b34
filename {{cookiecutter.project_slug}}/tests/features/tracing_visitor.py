"""The service of the tests sends its spans to the tests."""

from .tracing_receiver import RECEIVER

SETTINGS = {"OTEL_EXPORTER_OTLP_ENDPOINT": RECEIVER.url}

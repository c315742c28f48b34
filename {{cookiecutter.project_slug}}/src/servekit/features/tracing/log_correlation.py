"""Adds trace ids to log lines."""

import logging

from opentelemetry.trace import format_span_id, format_trace_id, get_current_span

from servekit.api.logging import KIT_LOGGER


class TraceIds(logging.Filter):
    """Adds `trace_id` and `span_id` to what is logged during a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        span = get_current_span().get_span_context()
        if span.is_valid:
            record.trace_id = format_trace_id(span.trace_id)
            record.span_id = format_span_id(span.span_id)
        return True


TRACE_IDS = TraceIds()


def add_trace_ids() -> None:
    """Add trace ids to every line of the service's own log. Safe to call twice."""
    # On handlers: a filter on a logger does not see what the loggers below it pass up.
    for handler in logging.getLogger(KIT_LOGGER).handlers:
        handler.addFilter(TRACE_IDS)

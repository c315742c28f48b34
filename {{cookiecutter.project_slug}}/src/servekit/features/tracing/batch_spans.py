"""Spans of batched calls, linked to the trace of every request in the batch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context

from opentelemetry.trace import (
    Link,
    Span,
    SpanKind,
    get_current_span,
    get_tracer,
    set_span_in_context,
)


@contextmanager
def around_call(model: str, waiting_contexts: Sequence[Context]) -> Iterator[None]:
    """Record a span around a batched call to a model.

    It can have one parent only: the first request whose trace is recorded. The others are linked
    to it, and it to them, so that the call is found from each of their traces.
    """
    spans = [one.run(get_current_span) for one in waiting_contexts] or [get_current_span()]
    # The items of a small batch wait one by one, but all of them are one request.
    spans = list(dict.fromkeys(spans))
    recorded = [span for span in spans if span.is_recording()]
    parent, *others = recorded or spans[:1]
    with get_tracer(__name__).start_as_current_span(
        f"ask {model}",
        # A new context: in one of Serve's own, the call would be a part of that request.
        context=set_span_in_context(parent),
        kind=SpanKind.CLIENT,
        attributes={"model": model, "requests": len(spans)},
        links=[Link(span.get_span_context()) for span in others],
    ) as call:
        _link(others, call)
        yield


def _link(spans: Sequence[Span], call: Span) -> None:
    if call.is_recording():
        for span in spans:
            span.add_link(call.get_span_context())

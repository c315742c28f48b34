"""Decides which traces are recorded."""

import os
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    SamplingResult,
    TraceIdRatioBased,
)

ANYWHERE = ("",)


def at_serve() -> tuple[str, ...]:
    """Return the name prefixes of Ray Serve's spans where requests come in.

    HAProxy makes none, so behind it that is in the replicas of the ingress.
    """
    if os.environ.get("RAY_SERVE_ENABLE_HA_PROXY") == "1":
        return ("proxy_", "replica_handle_request ingress ")
    return ("proxy_",)


class Entrances(TraceIdRatioBased):
    """Begins a trace where requests come in, and nowhere else.

    Ray Serve tells the next process about a trace only if it is recorded. Without this, each
    process on the way of a request that is not would decide anew, and record a fragment.

    ratio: of the traces that begin here that are recorded, in [0, 1].
    entrances: name prefixes of the spans that may begin one.
    """

    def __init__(self, ratio: float, entrances: tuple[str, ...]) -> None:
        super().__init__(ratio)
        self._entrances = entrances

    def should_sample(
        self, parent_context: Context | None, trace_id: int, name: str, *others: Any, **named: Any
    ) -> SamplingResult:
        if name.startswith(self._entrances):
            return super().should_sample(parent_context, trace_id, name, *others, **named)
        return ALWAYS_OFF.should_sample(parent_context, trace_id, name, *others, **named)

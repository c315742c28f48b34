"""Settings of tracing."""

import os
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from servekit.settings import Settings, SettingsError

ENDPOINTS = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"]
PROTOCOLS = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"]
SPOKEN = "http/protobuf"
QUEUE = "OTEL_BSP_MAX_QUEUE_SIZE"
BATCH = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"
BATCHING = {QUEUE: 2048, BATCH: 512, "OTEL_BSP_SCHEDULE_DELAY": 1000}
"""Variables of OpenTelemetry that it refuses without naming them, and their defaults."""


class TracingSettings(Settings):
    """The settings of tracing that OpenTelemetry has no variable for.

    sample_ratio: of the traces that begin here, in [0, 1]; a caller's `traceparent` takes
        precedence.
    """

    model_config = SettingsConfigDict(env_prefix="TRACING_")

    sample_ratio: float = Field(default=1.0, ge=0, le=1)

    @classmethod
    def load(cls) -> Self:
        settings = super().load()
        collector()
        _check_batching()
        return settings


def collector() -> str | None:
    """The URL of the collector, if spans are to be sent to one.

    Raises SettingsError when OpenTelemetry's variables ask for what cannot be done.
    """
    for name in PROTOCOLS:
        if os.environ.get(name, SPOKEN) not in {SPOKEN, ""}:
            raise SettingsError(f"{name}: should be {SPOKEN}, the protocol that is spoken here.")
    for name in ENDPOINTS:
        if url := os.environ.get(name):
            if not _is_http(url):
                raise SettingsError(f"{name}: should be a URL, such as http://localhost:4318.")
            return url
    return None


def _check_batching() -> None:
    values = {name: _positive(name, default) for name, default in BATCHING.items()}
    if values[QUEUE] < values[BATCH]:
        raise SettingsError(f"{QUEUE}: should be at least {BATCH}, which is {values[BATCH]}.")


def _positive(name: str, default: int) -> int:
    try:
        value = int(os.environ.get(name) or default)
    except ValueError:
        value = 0
    if value < 1:
        raise SettingsError(f"{name}: should be a whole number above 0.")
    return value


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False

"""The feature `tracing` beside a collector that is not there, or does not answer."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx2
import pytest

from servekit.features.tracing.exporter import flush, provider
from servekit.features.tracing.sampling import ANYWHERE
from servekit.testing.authenticated_client import HEADERS
from servekit.testing.subprocesses import free_port, start


@dataclass
class Service:
    """The service in a process of its own, without Ray."""

    process: subprocess.Popen[bytes]
    client: httpx2.Client

    def seconds_to_answer(self, text: str) -> float:
        began = time.monotonic()
        assert self.client.post("/v1/detect", json={"text": text}).is_success
        return time.monotonic() - began

    def seconds_to_stop(self) -> float:
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) in {0, -signal.SIGTERM}
        return time.monotonic() - began

    def answers(self) -> bool:
        try:
            return self.client.get("/health/live").is_success
        except httpx2.HTTPError:
            return False


@contextmanager
def serving(collector: str) -> Iterator[Service]:
    port = free_port()
    app = ["--factory", "acme_service.app:WIRING.development"]
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector}
    process = start("-m", "uvicorn", *app, "--port", str(port), settings=settings)
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=HEADERS) as client:
            yield Service(process, client)
    finally:
        process.kill()
        process.wait()


@contextmanager
def silent() -> Iterator[str]:
    """Takes connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def service_of() -> Iterator[Callable[[str], Service]]:
    with ExitStack() as services:
        yield lambda collector: services.enter_context(serving(collector))


@pytest.mark.slow
def test_a_dead_collector_delays_only_the_shutdown(
    service_of: Callable[[str], Service],
) -> None:
    with silent() as address:
        alone, dead = service_of(""), service_of(address)
        deadline = time.monotonic() + 60
        while not (alone.answers() and dead.answers()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert max(dead.seconds_to_answer(f"house {number}") for number in range(25)) < 0.5
        usual = alone.seconds_to_stop()
        assert dead.seconds_to_stop() < usual + 2


def test_a_missing_collector_does_not_delay_the_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    spans = provider(1.0, ANYWHERE)
    for _ in range(5000):  # more than can wait
        spans.get_tracer("tests").start_span("request").end()
    began = time.monotonic()
    flush(spans)
    assert time.monotonic() - began < 2

"""The feature `tracing` beside a collector that is not there, or does not answer."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx2
import pytest

from tests.processes import free_port, start
from tests.visitor import HEADERS

STOP_S = 2.0
"""What a collector may cost at the end, all in all."""

ALONE_S = 1.5
"""About what the service takes to stop on a busy machine when there is nothing to send."""


@contextmanager
def refusing() -> Iterator[str]:
    yield f"http://127.0.0.1:{free_port()}"


@contextmanager
def silent() -> Iterator[str]:
    """Takes connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def serving(collector: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The service in a process of its own, without Ray."""
    port = free_port()
    app = ["--factory", "acme_service.ingress.develop:app"]
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector}
    process = start("-m", "uvicorn", *app, "--port", str(port), settings=settings)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not answers(url):
            time.sleep(0.05)
        yield process, url
    finally:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/health/live").is_success
    except httpx2.HTTPError:
        return False


@pytest.mark.parametrize("collector", [refusing, silent])
def test_a_dead_collector_costs_a_request_nothing_and_the_end_two_seconds(
    collector: Callable[[], AbstractContextManager[str]],
) -> None:
    with collector() as address, serving(address) as (process, url):
        slowest = 0.0
        with httpx2.Client(base_url=url, headers=HEADERS) as client:
            for number in range(100):
                began = time.monotonic()
                assert client.post("/v1/detect", json={"text": f"house {number}"}).is_success
                slowest = max(slowest, time.monotonic() - began)
        assert slowest < 0.5
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) in {0, -signal.SIGTERM}
        assert time.monotonic() - began < STOP_S + ALONE_S

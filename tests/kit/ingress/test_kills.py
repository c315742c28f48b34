"""The only replica is killed: callers are told at once, and served again soon."""

import os
import signal
import time
from pathlib import Path

import httpx2
import pytest
from httpx2 import Response

from servekit.commands.stopping import descendants
from servekit.testing.authenticated_client import HEADERS
from servekit.testing.cluster import UrlOf

pytestmark = [pytest.mark.serve, pytest.mark.application("mortal", "lonely")]

HAPROXY = pytest.mark.skipif(
    os.environ.get("PROXY") == "python", reason="All requests pass that proxy, and it waits."
)
SOON_S = 1.5
"""A second, and what a busy machine adds."""

BACK_S = 60


def kill_replica(start: str) -> None:
    """Kill the replica whose process is called so."""
    for pid in descendants():
        name = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        if name.startswith(f"ray::ServeReplica:{start}"):
            os.kill(pid, signal.SIGKILL)


def ask(url: str, route: str) -> tuple[Response, float]:
    """Return an answer, and after how many seconds it came."""
    began = time.monotonic()
    response = httpx2.post(url + route, json={"text": "a"}, headers=HEADERS, timeout=30)
    return response, time.monotonic() - began


@pytest.mark.parametrize("route", ["/v1/detect", "/v1/detect/stream"])
@pytest.mark.parametrize(
    ("application", "deployment"),
    [("mortal", "model"), pytest.param("lonely", "ingress", marks=HAPROXY)],
)
def test_without_a_replica_callers_are_told_within_a_second(
    url_of: UrlOf, application: str, deployment: str, route: str
) -> None:
    url = url_of(application)
    assert ask(url, route)[0].status_code == 200
    kill_replica(f"{application}:{deployment}")
    until = time.monotonic() + BACK_S
    refused: list[float] = []
    while time.monotonic() < until:
        response, seconds = ask(url, route)
        if response.status_code == 200:
            break
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        refused.append(seconds)
    else:
        pytest.fail(f"No replica was back within {BACK_S} s.")
    assert refused
    assert max(refused) < SOON_S

"""Four times as many requests as a service can answer: some are refused at once, none hangs."""

import asyncio
import logging
import os
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from httpx2 import AsyncClient, Limits

from servekit.commands.stopping import descendants
from servekit.testing.authenticated_client import HEADERS
from servekit.testing.cluster import UrlOf

from tests.applications.misbehaving import BUSY_S, BUSY_WAITING

pytestmark = [pytest.mark.serve, pytest.mark.application("busy")]

log = logging.getLogger(__name__)

SECONDS = float(os.environ.get("OVERLOAD_S", "12"))
CAPACITY = BUSY_WAITING / BUSY_S
"""Requests a second: as many as may wait are answered by one call of the model."""

TIMES = 4
NORMAL_WITHIN_S = 5
HEALTH_S = 1.0
"""In which health is answered, but for one time in fifty: the machine may have other work."""

MAX_GROWTH_BYTES = 64 * 1024 * 1024


class Overload:
    """Sends requests at a rate that no answer slows down, and asks for health meanwhile.

    answers: of the model, by status and whether they say when to come back.
    health: how long each answer about health took, and its status.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.answers: Counter[tuple[int, bool]] = Counter()
        self.health: list[tuple[float, int]] = []

    async def run(self) -> float:
        """Return how long the service was not back to normal afterwards."""
        limits = Limits(max_connections=None)
        async with (
            AsyncClient(headers=HEADERS, timeout=30, limits=limits) as callers,
            AsyncClient(timeout=30) as monitor,
            asyncio.TaskGroup() as group,
        ):
            health = group.create_task(self._watch(monitor))
            began = time.monotonic()
            number = 0
            while time.monotonic() - began < SECONDS:
                due = int((time.monotonic() - began) * CAPACITY * TIMES)
                for one in range(number, due):
                    group.create_task(self._ask(callers, one))
                number = max(number, due)
                await asyncio.sleep(0.02)
            health.cancel()
            return await self._until_normal(callers)

    async def _ask(self, client: AsyncClient, number: int) -> None:
        body = {"text": f"a {number}"}  # another one each time: no cache answers for the model
        response = await client.post(f"{self._url}/v1/detect", json=body)
        self.answers[response.status_code, "retry-after" in response.headers] += 1

    async def _watch(self, client: AsyncClient) -> None:
        while True:
            for path in ("live", "ready"):
                began = time.monotonic()
                response = await client.get(f"{self._url}/health/{path}")
                self.health.append((time.monotonic() - began, response.status_code))
            await asyncio.sleep(0.1)

    async def _until_normal(self, client: AsyncClient) -> float:
        """Until one caller alone is answered three times in a row."""
        began = time.monotonic()
        in_a_row = 0
        while in_a_row < 3 and time.monotonic() - began < 10 * NORMAL_WITHIN_S:
            response = await client.post(
                f"{self._url}/v1/detect", json={"text": f"{time.monotonic()}"}
            )
            in_a_row = in_a_row + 1 if response.status_code == 200 else 0
        return time.monotonic() - began


def memory_bytes() -> int:
    """Of the replicas of the application."""
    found = 0
    for pid in descendants():
        with suppress(OSError):
            name = Path(f"/proc/{pid}/cmdline").read_bytes()
            if name.startswith(b"ray::ServeReplica:busy:"):
                status = Path(f"/proc/{pid}/status").read_text()
                [line] = [one for one in status.splitlines() if one.startswith("VmRSS")]
                found += int(line.split()[1]) * 1024
    return found


@pytest.mark.timeout(60 + 4 * SECONDS)
def test_four_times_the_capacity_is_refused_politely(url_of: UrlOf) -> None:
    overload = Overload(url_of("busy"))
    before = memory_bytes()
    normal_s = asyncio.run(overload.run())
    grown = memory_bytes() - before
    health_s = sorted(seconds for seconds, _ in overload.health)
    usual_s = health_s[-len(health_s) // 50]
    log.info(
        "answers %s, health %d times in %.2f s, at most %.2f, memory +%.1f MiB, normal in %.1f s",
        dict(overload.answers),
        len(overload.health),
        usual_s,
        health_s[-1],
        grown / 1024**2,
        normal_s,
    )
    answered = overload.answers[200, False]
    refused = overload.answers[503, True] + overload.answers[429, True]
    assert answered + refused == overload.answers.total(), overload.answers
    assert answered >= CAPACITY * SECONDS / 2
    assert refused >= answered
    assert {status for _, status in overload.health} == {200}
    assert usual_s < HEALTH_S
    assert grown < MAX_GROWTH_BYTES
    assert normal_s < NORMAL_WITHIN_S

"""Processes of models are killed while requests for their answers are under way."""

import logging
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest
from httpx2 import Client, Response

from servekit.commands.stopping import descendants
from servekit.testing.authenticated_client import HEADERS

pytestmark = [pytest.mark.serve, pytest.mark.timeout(400)]

log = logging.getLogger(__name__)

CONNECTIONS = 8
PAUSE_S = 0.02
"""Between the requests of a connection: what is looked at is their answers, not their number."""

LEAST_REQUESTS = 200
KILLS = (["sentiment"], ["opinion"], ["sentiment", "opinion"])
"""What is killed together, each time that both answer."""

COMPLETE_S = 120
TEXT = "What a wonderful day, I love this place!"


def replicas(deployment: str) -> list[int]:
    """The processes of a deployment of the service. Ray names each after its replica."""
    found: list[int] = []
    for pid in descendants():
        try:
            name = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if name.startswith(f"ray::ServeReplica:default:{deployment}"):
            found.append(pid)
    return found


def kill(deployment: str) -> int:
    pids = replicas(deployment)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return len(pids)


def ask(client: Client, number: int) -> Response:
    return client.post("/v1/analyze", json={"text": f"{TEXT} {number}"})


def is_complete(answer: Response) -> bool:
    return answer.status_code == 200 and not answer.json()["missing"]


def assert_right(answer: Response) -> None:
    if answer.status_code == 503:
        assert answer.headers["retry-after"] == "1"
        return
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert body.keys() == {"language", "score", "sentiment", "votes", "missing"}
    assert body["language"] == "en"
    assert len(body["votes"]) == (1 if "opinion" in body["missing"] else 2)
    assert (body["sentiment"] is None) == ("sentiment" in body["missing"])


def until_complete(client: Client) -> float:
    began = time.monotonic()
    while not is_complete(ask(client, 0)):
        assert time.monotonic() - began < COMPLETE_S, "Complete answers do not come back."
        time.sleep(0.1)
    return time.monotonic() - began


@pytest.fixture
def client(service: str) -> Iterator[Client]:
    with httpx2.Client(base_url=service, headers=HEADERS, timeout=30) as client:
        until_complete(client)
        yield client


def kill_members(client: Client) -> Counter[str]:
    """Kill members while both answer; return how many processes of each."""
    killed: Counter[str] = Counter()
    for members in KILLS:
        until_complete(client)
        for member in members:
            killed[member] += kill(member)
    return killed


def test_killed_members_cause_no_error(client: Client) -> None:
    numbers = count(1)

    def keep_asking(_: int) -> list[Response]:
        answers: list[Response] = []
        while not killing.done():
            answers.append(ask(client, next(numbers)))
            time.sleep(PAUSE_S)
        return answers

    with ThreadPoolExecutor(CONNECTIONS + 1) as threads:
        killing = threads.submit(kill_members, client)
        answers = [one for part in threads.map(keep_asking, range(CONNECTIONS)) for one in part]
    killed, recovery_s = killing.result(), until_complete(client)
    statuses = Counter(answer.status_code for answer in answers)
    missing = Counter(
        "+".join(answer.json()["missing"]) for answer in answers if answer.status_code == 200
    )
    slowest_s = max(answer.elapsed for answer in answers).total_seconds()
    log.info("killed %s, answered %s, missing %s", dict(killed), dict(statuses), dict(missing))
    log.info("slowest %.1f s, complete again after %.1f s", slowest_s, recovery_s)
    for answer in answers:
        assert_right(answer)
    assert len(answers) >= LEAST_REQUESTS
    assert min(killed["sentiment"], killed["opinion"]) >= 2
    assert missing["opinion"] + missing["sentiment"] > 0


@pytest.mark.parametrize("member", ["opinion", "sentiment"])
def test_a_member_that_hangs_holds_nobody_up_for_long(client: Client, member: str) -> None:
    hanging = replicas(member)
    assert hanging
    for pid in hanging:
        os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        answer = ask(client, 1)
        took_s = time.monotonic() - began
        ready = client.get("/health/ready")
    finally:
        for pid in hanging:
            os.kill(pid, signal.SIGCONT)
    assert_right(answer)
    assert answer.json()["missing"] == [member]
    assert took_s < 5
    assert ready.status_code == 200
    until_complete(client)

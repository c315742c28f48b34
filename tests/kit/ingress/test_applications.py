"""Applications come, change and go on a cluster, while others beside them answer."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from servekit.commands.stopping import descendants
from servekit.testing.authenticated_client import HEADERS
from servekit.testing.cluster import SMALL, Cluster

pytestmark = pytest.mark.serve

WITHIN_S = 60


def words(prefix: str) -> dict[str, Any]:
    """The simplest application, at a route prefix."""
    return {
        "name": "words",
        "route_prefix": prefix,
        "import_path": "acme_service.deployments.words:app",
        "deployments": [{"name": "words", "ray_actor_options": SMALL}],
    }


@pytest.fixture
def deploy(cluster: Cluster) -> Iterator[Callable[..., None]]:
    """Puts applications beside those of the cluster, in place of those from the last time."""
    before = cluster.config.read_text(encoding="utf-8")

    def beside(*applications: dict[str, Any]) -> None:
        config = yaml.safe_load(before)
        config["applications"] += applications
        cluster.config.write_text(yaml.safe_dump(config), encoding="utf-8")

    yield beside
    cluster.config.write_text(before, encoding="utf-8")


def replicas() -> dict[int, str]:
    """The application of each replica that our processes run, by its process."""
    found: dict[int, str] = {}
    for pid in descendants():
        with suppress(OSError):
            title = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
            if match := re.match(r"ray::ServeReplica:(\w+):", title):
                found[pid] = match[1]
    return found


def wait_until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not what():
        assert time.monotonic() < deadline, "It did not happen."
        time.sleep(0.1)


@contextmanager
def asked_all_the_time(url: str) -> Iterator[list[str]]:
    """Asks a service, by a new connection each time, and gives what went wrong."""
    failures: list[str] = []
    stopped = threading.Event()

    def ask() -> None:
        while not stopped.wait(0.01):
            try:
                body = {"text": "Guten Morgen!"}
                response = httpx2.post(
                    f"{url}/v1/detect", json=body, headers=HEADERS, timeout=WITHIN_S
                )
            except httpx2.HTTPError as error:
                failures.append(repr(error))
            else:
                if response.json().get("language") != "de":
                    failures.append(f"{response.status_code} {response.text}")

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield failures
    finally:
        stopped.set()
        asking.join()


def count(url: str) -> Any:
    """What the simplest application answers; None where it is not."""
    response = httpx2.post(url, content="one two three", headers=HEADERS, timeout=WITHIN_S)
    return response.json() if response.is_success else None


def test_applications_come_change_and_go_beside_one_that_answers(
    cluster: Cluster, deploy: Callable[..., None]
) -> None:
    there = replicas()
    here, moved = f"{cluster.url}/words", f"{cluster.url}/numbers"

    with asked_all_the_time(cluster.url) as failures:
        deploy(words("/words"))
        wait_until(lambda: count(here) == {"words": 3})

        deploy(words("/numbers"))
        wait_until(lambda: count(moved) == {"words": 3} and count(here) is None)

        deploy()
        wait_until(lambda: count(moved) is None and "words" not in replicas().values())

    assert failures == []
    assert replicas() == there


def test_a_change_that_is_wrong_is_named_and_changes_nothing(
    cluster: Cluster, deploy: Callable[..., None]
) -> None:
    there = replicas()
    deploy(words("/inline"))
    sentence = f"{cluster.config}: Duplicate route prefix /inline of 'inline' and 'words'."
    wait_until(lambda: f"{sentence} Nothing was changed." in cluster.log.read_text())
    assert replicas() == there

"""What operators do, and what happens to them, while clients ask: who loses what."""

import logging
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import httpx2
import pytest
import yaml
from httpx2 import Client, Response

from servekit.commands.launcher.serve import PROXY, PROXY_ACTOR
from servekit.commands.launcher.serve import processes as programs
from servekit.commands.stopping import descendants
from servekit.testing.authenticated_client import HEADERS
from servekit.testing.cluster import Cluster, UrlOf
from servekit.testing.subprocesses import PROJECT

from tests.applications.operated import NAME, REPLICAS

pytestmark = [
    pytest.mark.serve,
    pytest.mark.application(NAME),
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.environ.get("PROXY") == "python", reason="HAProxy is lost, too."),
]

log = logging.getLogger(__name__)

PAGE = PROJECT / "docs/how-to/retry-requests.md"
CONNECTIONS = 3
"""Of clients that send requests again, and as many of clients that do not."""

PAUSE_S = 0.02
WITHIN_S = 60
TEXT = "Das ist ein schöner Tag, und wir gehen heute im Wald spazieren."
MODEL, INGRESS = "language", "ingress"


def documented() -> Callable[..., Response]:
    """The client of the page."""
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    return names["post"]


class Clients:
    """Ask on several connections all the time.

    patient: how the requests of clients ended that do as the page says, by kind.
    others: the same of clients that send each request once.
    """

    def __init__(self, url: str) -> None:
        self._url = f"{url}/v1/detect"
        self._post = documented()
        self._numbers = count()
        self.patient: Counter[str] = Counter()
        self.others: Counter[str] = Counter()

    @contextmanager
    def asking(self) -> Iterator[None]:
        stopped = Event()
        with ThreadPoolExecutor(2 * CONNECTIONS) as threads:
            asked = [
                threads.submit(self._ask, post, counted, stopped)
                for post, counted in [(self._post, self.patient), (Client.post, self.others)]
                for _ in range(CONNECTIONS)
            ]
            try:
                yield
                time.sleep(0.5)  # what comes after belongs to it
            finally:
                stopped.set()
            for one in asked:
                one.result()

    def _ask(self, post: Callable[..., Response], counted: Counter[str], stopped: Event) -> None:
        with Client(headers=HEADERS, timeout=30) as client:
            while not stopped.wait(PAUSE_S):
                item = {"text": f"{TEXT} {next(self._numbers)}"}
                try:
                    counted[kind_of(post(client, self._url, json=item))] += 1
                except httpx2.HTTPError as error:
                    counted[type(error).__name__] += 1


def kind_of(response: Response) -> str:
    if response.is_success and response.json()["language"] == "de":
        return "right"
    return f"{response.status_code} {response.headers.get('content-type', '')}"


def lost(counted: Counter[str]) -> Counter[str]:
    return Counter({kind: times for kind, times in counted.items() if kind != "right"})


@pytest.fixture
def clients(url_of: UrlOf, request: pytest.FixtureRequest) -> Iterator[Clients]:
    clients = Clients(url_of(NAME))
    yield clients
    name = request.node.name
    log.info("%s: patient %s, others %s", name, dict(clients.patient), dict(clients.others))


def processes(beginning: str) -> list[int]:
    """The processes of the cluster with such a title."""
    found: list[int] = []
    for pid in descendants():
        with suppress(OSError):
            title = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
            if title.partition("\0")[0].startswith(beginning):
                found.append(pid)
    return found


def replicas(deployment: str) -> set[int]:
    return {*processes(f"ray::ServeReplica:{NAME}:{deployment}")}


def wait_until(what: Callable[[], object], within_s: float = WITHIN_S) -> float:
    """Return how long it took."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < within_s, "It did not happen."
        time.sleep(0.1)
    return time.monotonic() - began


@pytest.fixture
def configure(cluster: Cluster) -> Callable[..., None]:
    """Changes the application in `serve.yaml`, or its block for the model, and leaves it so."""

    def configure(block: dict[str, Any] | None = None, **changes: Any) -> None:
        config = yaml.safe_load(cluster.config.read_text(encoding="utf-8"))
        [operated] = [one for one in config["applications"] if one["name"] == NAME]
        operated |= changes
        [model] = [one for one in operated["deployments"] if one["name"] == MODEL]
        model |= block or {}
        cluster.config.write_text(yaml.safe_dump(config), encoding="utf-8")

    return configure


@pytest.fixture
def _two_of_each(configure: Callable[..., None], url_of: UrlOf) -> None:
    configure({"num_replicas": REPLICAS, "autoscaling_config": None})
    wait_until(lambda: all(len(replicas(one)) == REPLICAS for one in (INGRESS, MODEL)))


def test_another_build_loses_no_request(clients: Clients, configure: Callable[..., None]) -> None:
    before = replicas(INGRESS) | replicas(MODEL)
    with clients.asking():
        configure(args={"placement": "separate", "build": "2"})
        wait_until(
            lambda: (
                not before & (replicas(INGRESS) | replicas(MODEL))
                and len(replicas(INGRESS)) == len(replicas(MODEL)) == REPLICAS
            )
        )
    assert (lost(clients.patient), lost(clients.others)) == (Counter(), Counter())


def test_more_and_fewer_replicas_lose_no_request(
    clients: Clients, configure: Callable[..., None]
) -> None:
    with clients.asking():
        for number in (1, 3, 1):
            configure({"num_replicas": number})
            wait_until(lambda number=number: len(replicas(MODEL)) == number)
    assert (lost(clients.patient), lost(clients.others)) == (Counter(), Counter())


QUICK_SCALING = {
    "min_replicas": 1,
    "max_replicas": 3,
    # A sample's calls are so short that hardly one is ever under way.
    "target_ongoing_requests": 0.02,
    "metrics_interval_s": 0.2,
    "look_back_period_s": 1,
    "upscale_delay_s": 0.5,
    "downscale_delay_s": 1,
}


def test_autoscaling_loses_no_request(clients: Clients, configure: Callable[..., None]) -> None:
    configure({"num_replicas": None, "autoscaling_config": QUICK_SCALING})
    wait_until(lambda: len(replicas(MODEL)) == 1)
    with clients.asking():
        wait_until(lambda: len(replicas(MODEL)) == 3)
    wait_until(lambda: len(replicas(MODEL)) == 1)
    assert (lost(clients.patient), lost(clients.others)) == (Counter(), Counter())


@pytest.mark.usefixtures("_two_of_each")
@pytest.mark.parametrize(
    ("title", "at_most"),
    [
        (f"ray::ServeReplica:{NAME}:{INGRESS}", CONNECTIONS),
        (f"ray::ServeReplica:{NAME}:{MODEL}", 0),
        ("ray::ServeController", 0),
    ],
    ids=["ingress", "model", "controller"],
)
def test_a_killed_process_loses_what_it_was_answering(
    clients: Clients, title: str, at_most: int
) -> None:
    with clients.asking():
        time.sleep(0.5)
        before = {*processes(title)}
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: len({*processes(title)} - {victim}) == len(before))
    assert lost(clients.patient) == Counter()
    assert lost(clients.others).total() <= at_most, lost(clients.others)


BACK_S = 5
REFUSED = {"ConnectError"}


def test_a_killed_haproxy_is_soon_back_with_its_routes(clients: Clients, url_of: UrlOf) -> None:
    def answers() -> bool:
        with suppress(httpx2.TransportError):
            return httpx2.get(f"{url_of(NAME)}/health/live").is_success
        return False

    with clients.asking():
        time.sleep(0.5)
        for pid in programs(PROXY):
            os.kill(pid, signal.SIGKILL)
        away_s = wait_until(answers)
    log.info("HAProxy was away for %.1f s", away_s)
    assert away_s < BACK_S
    assert lost(clients.patient) == Counter()
    cut = {kind: times for kind, times in lost(clients.others).items() if kind not in REFUSED}
    assert sum(cut.values()) <= CONNECTIONS, cut
    assert not [kind for kind in cut if kind[0].isdigit()], "HAProxy did not know its routes."


def test_a_killed_actor_of_haproxy_is_replaced(clients: Clients) -> None:
    """HAProxy dies with it, and the next one has to learn the routes."""
    [actor] = programs(PROXY_ACTOR)
    with clients.asking():
        os.kill(actor, signal.SIGKILL)
        wait_until(lambda: {*programs(PROXY_ACTOR)} - {actor} and programs(PROXY))
        answered = clients.others["right"]
        wait_until(lambda: clients.others["right"] > answered + 10)
    assert lost(clients.patient) == Counter()

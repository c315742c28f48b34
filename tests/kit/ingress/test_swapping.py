"""Versions are promoted, refused and rolled back while others ask all the time."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import httpx2
import pytest

from servekit.commands.aliases import Aliases
from servekit.registry.settings import StoreSettings
from servekit.registry.sources.folder import FolderSource
from servekit.registry.store import open_model
from servekit.testing.authenticated_client import HEADERS
from servekit.testing.cluster import Cluster, UrlOf
from servekit.testing.store import STORE
from servekit.testing.versions import damage, publish_copy

from acme_service.contracts.language import Query
from acme_service.features import models, sources
from acme_service.models.language import LanguageModel

from tests.applications.swapping import store

CONNECTIONS = 4

REQUESTS = 3_000
"""More than the switches need, and about half of what one caller may send in a minute."""

PAUSE_S = 0.004
"""After each answer, on each connection, lest a fast machine asks more than that in time."""

TEXTS = ["Kirjasto on kiinni.", "Guten Morgen!", "Kütüphane kapalı.", "Jag är hungrig.", "7"]
"""Some in languages that version 2 knows, and version 1 does not."""


class Load:
    """Asks all the time, on several connections, until it is told to stop.

    Args:
        url: Of the service.
        times: How often the texts are in each batch.
    """

    def __init__(self, url: str, times: int = 1) -> None:
        self.url = url
        self._items = [{"text": text} for text in TEXTS] * times
        self._times = times
        self._stopped = Event()
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self._expected = {version: languages(version) for version in "12"}

    @property
    def requests(self) -> int:
        return self.answers.total() + len(self.failures)

    def latest(self, version: str) -> Callable[[], bool]:
        """Whether that version has answered since this was called."""
        before = self.answers[version]
        return lambda: self.answers[version] > before

    @contextmanager
    def running(self) -> Iterator[None]:
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            asking = [threads.submit(self._ask, number) for number in range(CONNECTIONS)]
            try:
                yield
            finally:
                self._stopped.set()
            for one in asking:
                one.result()

    def _ask(self, number: int) -> None:
        # Every other connection insists on the model, where answers are remembered.
        headers = HEADERS | ({"Cache-Control": "no-cache"} if number % 2 else {})
        with httpx2.Client(base_url=self.url, headers=headers, timeout=30) as client:
            while not self._stopped.wait(PAUSE_S):
                try:
                    response = client.post("/v1/detect/batch", json={"items": self._items})
                except httpx2.HTTPError as error:
                    self.failures.append(repr(error))
                    continue
                if response.is_success:
                    self._judge(response.json(), response.headers["x-model"])
                else:
                    self.failures.append(f"{response.status_code} {response.text}")

    def _judge(self, answer: dict[str, Any], header: str) -> None:
        version = header.removeprefix("language:")
        found = [result["language"] for result in answer["results"]]
        if found == self._expected.get(version, []) * self._times:
            self.answers[version] += 1
        else:
            self.failures.append(f"version {version} would not say {found}")


def languages(version: str) -> list[str]:
    """What a version finds in the texts."""
    model = LanguageModel.load(open_model(STORE.as_uri(), f"language:{version}"))
    return [detection.language for detection in model.predict(list(map(Query, TEXTS)))]


def wait_until(what: Callable[[], bool], limit_s: float = 30) -> None:
    deadline = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < deadline, "It did not happen."
        time.sleep(0.02)


@pytest.fixture
def aliases(cluster: Cluster) -> Aliases:
    """What `make promote` and `make rollback` work with."""
    [model] = [one for one in models() if one.versioned]
    settings = StoreSettings(store(cluster).as_uri(), Path("unused"), 0.2, 5.0)
    return Aliases(model, settings, tuple(sources()))


@pytest.mark.serve
@pytest.mark.application("swapping")
def test_no_request_fails_while_versions_come_and_go(
    cluster: Cluster, url_of: UrlOf, aliases: Aliases
) -> None:
    source = FolderSource(store(cluster).as_uri(), 5)
    damage(publish_copy(store(cluster) / "language", "3", "2") / "model.npz")
    publish_copy(
        store(cluster) / "language",
        "4",
        "2",
        b'{"input": {"text": "Guten Morgen"}, "output": {"language": "fr"}}',
    )
    load = Load(url_of("swapping"))

    def promote(version: str) -> None:
        aliases.promote("champion", version)
        wait_until(load.latest(version))

    def promote_unchecked(version: str, now: str) -> None:
        source.move_alias("language", "champion", version, before=now)
        refused = f"language:{version} was refused; language:{now} answers as before."
        wait_until(lambda: refused in cluster.log.read_text())
        wait_until(load.latest(now))
        source.move_alias("language", "champion", now, before=version)

    with load.running():
        wait_until(load.latest("1"))
        promote("2")
        promote_unchecked("3", now="2")
        promote("1")
        promote("2")
        promote_unchecked("4", now="2")
        promote("1")
        promote("2")
        aliases.roll_back("champion")
        wait_until(load.latest("1"))
        # How fast they come is the machine's business, which runs many applications here.
        wait_until(lambda: load.requests >= REQUESTS, limit_s=80)
    assert load.failures == []
    assert set(load.answers) == {"1", "2"}

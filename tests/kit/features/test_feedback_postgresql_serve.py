"""A PostgreSQL that is killed, frozen and restarted under load, over two replicas.

Predictions go on; corrections are answered 503 in time, and none that was accepted is lost.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from threading import Event

import httpx2
import pytest
from httpx2 import Client, Response

from servekit.testing.authenticated_client import HEADERS
from servekit.testing.cluster import UrlOf

from .feedback_answers import Answered, ask_model, put
from tests.applications.feedback import NAME, POSTGRESQL, TIMEOUT_S
from tests.ingress.test_operations import processes
from tests.postgresql_server import PostgresqlServer

pytestmark = [pytest.mark.serve, pytest.mark.application(NAME), pytest.mark.timeout(120)]

log = logging.getLogger(__name__)

THREADS = 2
"""That only ask, and as many that correct what they were answered."""

ENOUGH = 10
"""Corrections that end one way before something else happens."""

HANG_S = 10 * TIMEOUT_S
"""How long a client waits: ten times as long as a correction may take."""

WITHIN_S = 30
AWAY = "503 in time"


class Callers:
    """Ask, and correct answers, all the time; a correction that is refused is sent again.

    predictions: how predictions ended, by kind.
    corrections: how corrections ended, by kind.
    accepted: the ids of the requests whose corrections were accepted.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._numbers = count()
        self.predictions: Counter[str] = Counter()
        self.corrections: Counter[str] = Counter()
        self.accepted: set[str] = set()

    @contextmanager
    def calling(self) -> Iterator[None]:
        stopped = Event()
        with ThreadPoolExecutor(2 * THREADS) as threads:
            called = [
                threads.submit(self._call, each, stopped)
                for each in (self._ask, self._correct)
                for _ in range(THREADS)
            ]
            try:
                yield
            finally:
                stopped.set()
            for one in called:
                one.result()

    def until(self, kind: str, many: int = ENOUGH) -> None:
        """Wait for so many more corrections that end this way."""
        wanted, began = self.corrections[kind] + many, time.monotonic()
        while self.corrections[kind] < wanted:
            assert time.monotonic() - began < WITHIN_S, f"{self.corrections} after {kind}"
            time.sleep(0.02)

    def _call(self, each: Callable[[Client], object], stopped: Event) -> None:
        with Client(base_url=self._url, headers=HEADERS, timeout=HANG_S) as client:
            while not stopped.wait(0.01):
                each(client)

    def _ask(self, client: Client) -> Answered | None:
        item = {"text": f"Das ist ein schöner Tag im Wald {next(self._numbers)}."}
        try:
            answer = ask_model(client, "/v1/detect", item)
        except (AssertionError, httpx2.HTTPError) as error:
            self.predictions[f"{error!r}"[:200]] += 1
            return None
        self.predictions["receipt" if answer.receipt else "no receipt"] += 1
        return answer._replace(output=None)

    def _correct(self, client: Client) -> None:
        answer = self._ask(client)
        ends, kind = time.monotonic() + WITHIN_S, ""
        while answer and kind != "accepted" and time.monotonic() < ends:
            try:
                kind = kind_of(put(client, answer, "gd"))
            except httpx2.HTTPError as error:
                kind = type(error).__name__
            if kind == "accepted":
                self.accepted.add(answer.id)
            self.corrections[kind] += 1


def kind_of(response: Response) -> str:
    if response.status_code in {200, 201}:
        return "accepted"
    if response.status_code == 503 and response.headers.get("retry-after") == "1":
        return AWAY
    return f"{response.status_code} {response.text}"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    with POSTGRESQL:
        yield POSTGRESQL


def replicas() -> set[int]:
    return {*processes(f"ray::ServeReplica:{NAME}:ingress")}


def test_no_accepted_correction_is_lost_whatever_happens(
    server: PostgresqlServer, url_of: UrlOf
) -> None:
    before = replicas()
    callers = Callers(url_of(NAME))
    with callers.calling():
        callers.until("accepted")
        for fail, mend in [
            (server.kill, server.start),
            (server.freeze, server.thaw),
            (server.stop, server.start),
        ]:
            fail()
            callers.until(AWAY)
            mend()
            callers.until("accepted")
    log.info("%s, %s", dict(callers.predictions), dict(callers.corrections))
    assert {*callers.predictions} == {"receipt"}
    assert {*callers.corrections} == {"accepted", AWAY}
    stored = server.query("SELECT request_id FROM feedback").split()
    assert callers.accepted - {*stored} == set()
    assert len(stored) == len({*stored})
    assert (len(before), replicas()) == (2, before)

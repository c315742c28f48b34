"""The feature `cache` over a real Redis, well and unwell: answers are right all the same."""

import asyncio
import json
from collections.abc import Iterator
from time import monotonic, sleep

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from servekit.features.cache import cache
from servekit.features.cache.settings import CacheSettings

from acme_service import SLUG
from acme_service.contracts.language import Query

from tests.fakes import (
    ENGLISH,
    ENGLISH_JSON,
    ChangingDetector,
    FakeDetector,
    create_app,
    fake_ports,
)
from tests.redis_server import RedisServer

TIMEOUT_S = 0.2


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


class Replica:
    """One of several services around the same Redis, none of which remembers much itself."""

    def __init__(self, server: RedisServer) -> None:
        self.detector = FakeDetector()
        url = f"redis://127.0.0.1:{server.port}/0"
        settings = {"url": url, "timeout_s": TIMEOUT_S, "max_entries": 1}
        feature = cache(CacheSettings.model_validate(settings), service=SLUG)
        self.client = TestClient(create_app(fake_ports(self.detector), [feature]))

    def ask(self, text: str) -> str:
        """How the cache took part in the answer, which is right."""
        response = self.client.post("/v1/detect", json={"text": text})
        assert response.json() == ENGLISH_JSON
        return response.headers["cache-status"].partition("; ")[2]

    def seconds_for(self, text: str) -> float:
        began = monotonic()
        self.ask(text)
        return monotonic() - began


@pytest.fixture
def one(server: RedisServer) -> Iterator[Replica]:
    replica = Replica(server)
    with replica.client:
        replica.ask("the model makes itself known")
        yield replica


@pytest.fixture
def other(server: RedisServer) -> Iterator[Replica]:
    replica = Replica(server)
    with replica.client:
        replica.ask("the model makes itself known, again")
        yield replica


def becomes_a_hit(asking: Replica, text: str) -> bool:
    """Whether `text` is found in Redis sooner or later; another one pushes it out of memory."""
    deadline = monotonic() + 10
    while monotonic() < deadline:
        asking.ask("something else")
        if asking.ask(text) == "hit":
            return True
        sleep(0.02)
    return False


def test_replicas_share_their_answers(one: Replica, other: Replica) -> None:
    assert one.ask("shared") == "fwd=miss"
    one.ask("something else")  # and so the writing is done
    assert other.ask("shared") == "hit"
    assert "shared" not in [query.text for query in other.detector.asked]


def test_what_is_stored_is_json_without_the_text_and_expires(
    server: RedisServer, one: Replica
) -> None:
    assert one.ask("a s3cret text") == "fwd=miss"
    one.ask("something else")
    with server.client() as client:
        stored = {key: client.get(key) for key in server.stored()}
        expiries = [client.ttl(key) for key in stored]
    prefix = b"acme-service:cache:2:fake-language:7:"
    assert all(key.startswith(prefix) for key in stored)
    values = [json.loads(value) for value in stored.values()]  # pyright: ignore[reportArgumentType]
    assert ENGLISH_JSON in values
    assert all(0 < expiry <= 3600 for expiry in expiries)
    assert b"s3cret" not in b"".join([*stored, *filter(None, stored.values())])  # pyright: ignore


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\x80\x04N.",
        b"[]",
        b'{"language": 7}',
        b'{"language": "en", "score": NaN}',
        b'{"language": "en", "score": Infinity}',
        b'{"language": "en", "score": 1e400}',
        b'{"language": "en", "score": 1.5}',
        b'{"language": "en", "score": -0.5}',
        b'{"language": "en", "score": "x"}',
        b'{"language": "en", "candidates": [{"language": "en"}]}',
        json.dumps(ENGLISH_JSON | {"candidates": ENGLISH.candidates * 2}).encode(),
    ],
)
def test_tampered_cache_entries_are_misses(server: RedisServer, one: Replica, value: bytes) -> None:
    one.ask("tampered")
    one.ask("something else")
    with server.client() as client:
        for key in server.stored():
            client.set(key, value)
    assert one.ask("tampered") == "fwd=miss"


async def test_a_model_that_is_replaced_during_a_lookup_answers_for_itself(
    server: RedisServer,
) -> None:
    settings = {"url": server.url, "timeout_s": 1, "max_entries": 1}
    feature = cache(CacheSettings.model_validate(settings), service=SLUG)
    detector = ChangingDetector()
    ports = feature.wrap(fake_ports(detector))
    asking = ports.models["language"]
    async with feature.lifespan(FastAPI()):
        await asking.predict(Query("in Redis"))
        await asking.predict(Query("in memory"))
        server.freeze()
        waiting = asyncio.create_task(asking.predict(Query("in Redis")))
        await asyncio.sleep(0.05)
        detector.version = "2"
        other = asyncio.create_task(asking.predict(Query("in memory")))
        await asyncio.sleep(0.05)
        server.thaw()
        answers = await asyncio.gather(waiting, other)
    assert [answer.version for answer in answers] == ["fake:2"] * 2


def test_a_frozen_redis_delays_one_request_at_most(server: RedisServer, one: Replica) -> None:
    server.freeze()
    waits = [one.seconds_for(f"frozen {number}") for number in range(10)]
    server.thaw()
    # Ten timeouts would be more than twice as much, on a busy machine too.
    assert TIMEOUT_S < sum(waits) < TIMEOUT_S * 5
    assert becomes_a_hit(one, "thawed")


def test_a_killed_redis_delays_nobody_and_is_found_again(server: RedisServer, one: Replica) -> None:
    server.kill()
    assert sum(one.seconds_for(f"killed {number}") for number in range(10)) < TIMEOUT_S * 5
    server.start()
    assert becomes_a_hit(one, "restarted")


def test_a_full_redis_still_gives_what_it_has(
    server: RedisServer, one: Replica, other: Replica
) -> None:
    assert becomes_a_hit(one, "kept before")
    server.fill()
    assert one.ask("too much") == "fwd=miss"
    assert other.ask("too much") == "fwd=miss"
    assert other.ask("kept before") == "hit"
    with server.client() as client:
        client.config_set("maxmemory", "0")
    assert becomes_a_hit(other, "room again")


def test_without_redis_at_the_start_the_service_starts(server: RedisServer) -> None:
    server.kill()
    replica = Replica(server)
    with replica.client:
        assert replica.ask("early") == "fwd=miss"
        server.start()
        assert becomes_a_hit(replica, "late")

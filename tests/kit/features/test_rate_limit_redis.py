"""The feature `rate_limit` over a real Redis, well and unwell."""

from collections.abc import Iterator
from contextlib import ExitStack
from time import monotonic, sleep

import pytest
from fastapi.testclient import TestClient

from servekit.features.rate_limit import rate_limit
from servekit.features.rate_limit.settings import RateLimitSettings

from acme_service import SLUG

from tests.fakes import create_app, fake_ports
from tests.redis_server import RedisServer

TIMEOUT_S = 0.2


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def replicas(server: RedisServer) -> Iterator[list[TestClient]]:
    """Two services around one Redis, each of which grants ten requests an hour."""
    settings = {"url": server.url, "models": "10/hour", "timeout_s": TIMEOUT_S}
    with ExitStack() as started:
        features = [
            rate_limit(RateLimitSettings.model_validate(settings), service=SLUG) for _ in range(2)
        ]
        apps = [create_app(fake_ports(), [feature]) for feature in features]
        clients = [started.enter_context(TestClient(app)) for app in apps]
        for client in clients:
            client.get("/health/live")  # the first request builds the routes, and is slow
        yield clients


def ask(client: TestClient) -> int:
    return client.get("/v1/languages").status_code


def passed(client: TestClient, tries: int) -> int:
    return sum(ask(client) == 200 for _ in range(tries))


def counts_together_again(server: RedisServer, client: TestClient) -> bool:
    deadline = monotonic() + 10
    while not server.stored() and monotonic() < deadline:
        ask(client)
        sleep(0.02)
    return bool(server.stored())


def test_replicas_count_together(replicas: list[TestClient]) -> None:
    one, other = replicas
    assert (passed(one, 6), passed(other, 6)) == (6, 4)
    response = one.get("/v1/languages")
    assert response.status_code == 429
    assert 300 < int(response.headers["retry-after"]) <= 360
    assert response.headers["ratelimit-remaining"] == "0"
    assert response.headers["ratelimit-limit"] == "10"


def test_what_is_left_is_told_over_redis_too(replicas: list[TestClient]) -> None:
    left = [client.get("/v1/languages").headers["ratelimit-remaining"] for client in replicas * 2]
    assert left == ["9", "8", "7", "6"]


def test_counts_expire_with_what_is_owed(server: RedisServer, replicas: list[TestClient]) -> None:
    ask(replicas[0])
    [key] = server.stored()
    assert key == f"{SLUG}:rate_limit:models:address:unknown:10/3600".encode()
    with server.client() as client:
        assert 350 <= client.ttl(key) <= 361


def test_frozen_each_replica_counts_for_itself_and_one_request_waits(
    server: RedisServer, replicas: list[TestClient], caplog: pytest.LogCaptureFixture
) -> None:
    one, other = replicas
    server.freeze()
    began = monotonic()
    assert passed(one, 10) == 10
    assert monotonic() - began > TIMEOUT_S
    # Each timeout is logged. The time itself would depend on what else the machine does.
    assert caplog.text.count("Redis is away") == 1
    assert ask(one) == 429
    assert passed(other, 12) == 10
    server.thaw()
    assert counts_together_again(server, one)


def test_killed_each_replica_counts_for_itself_and_finds_it_again(
    server: RedisServer, replicas: list[TestClient]
) -> None:
    one, other = replicas
    ask(one)
    server.kill()
    assert (passed(one, 12), passed(other, 12)) == (10, 10)
    server.start()
    assert counts_together_again(server, one)


def test_full_each_replica_counts_for_itself(
    server: RedisServer, replicas: list[TestClient]
) -> None:
    one, other = replicas
    server.fill()
    assert (passed(one, 12), passed(other, 12)) == (10, 10)
    with server.client() as client:
        client.config_set("maxmemory", "0")
    assert counts_together_again(server, one)


def test_restarted_it_begins_afresh(server: RedisServer, replicas: list[TestClient]) -> None:
    one, _ = replicas
    assert passed(one, 12) == 10
    server.kill()
    server.start()
    assert counts_together_again(server, one)
    assert ask(one) == 200

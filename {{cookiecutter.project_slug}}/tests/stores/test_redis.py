"""A real Redis that goes away in every way it can: nobody waits for it twice."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest

from acme_service.stores.redis import MAX_TOGETHER, SharedRedis

from tests.processes import free_port
from tests.redis_server import RedisServer

TIMEOUT_S = 0.1


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@asynccontextmanager
async def shared(url: str) -> AsyncIterator[SharedRedis]:
    redis = SharedRedis(url, TIMEOUT_S)
    await redis.open()
    try:
        yield redis
    finally:
        await redis.close()


async def seconds_for(redis: SharedRedis, *command: str) -> float:
    began = monotonic()
    assert await redis.ask(*command) is None
    return monotonic() - began


async def answers_again(redis: SharedRedis) -> bool:
    for _ in range(500):
        if await redis.ask("PING"):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_each_gets_the_reply_to_its_own_question(server: RedisServer) -> None:
    async with shared(server.url) as redis:
        echoes = [redis.ask("ECHO", str(number)) for number in range(3 * MAX_TOGETHER)]
        replies = await asyncio.gather(*echoes)
    assert replies == [str(number).encode() for number in range(3 * MAX_TOGETHER)]


async def test_what_nobody_waits_for_is_stored_all_the_same(server: RedisServer) -> None:
    async with shared(server.url) as redis:
        redis.tell("SET", "told", "yes")
        assert await redis.ask("GET", "told") == b"yes"


async def test_one_connection_is_enough_for_everybody(server: RedisServer) -> None:
    async with shared(server.url) as redis:
        await asyncio.gather(*(redis.ask("PING") for _ in range(500)))
        clients = (await redis.ask("CLIENT", "LIST")).decode().strip().splitlines()
    assert len(clients) == 1


@pytest.mark.parametrize("argument", ["a\ud800", True, None], ids=["no Unicode", "bool", "None"])
async def test_what_cannot_be_sent_fails_alone(server: RedisServer, argument: object) -> None:
    async with shared(server.url) as redis:
        redis.tell("SET", "key", argument)
        asked = [redis.ask("ECHO", one) for one in ("before", argument, "after")]
        assert await asyncio.gather(*asked) == [b"before", None, b"after"]
        assert not redis.away


async def test_who_leaves_takes_nobodys_reply_along(server: RedisServer) -> None:
    async with shared(server.url) as redis:
        leaving = asyncio.create_task(redis.ask("ECHO", "mine"))
        await asyncio.sleep(0)
        leaving.cancel()
        assert await redis.ask("ECHO", "yours") == b"yours"


async def test_a_refused_connection_costs_nothing_and_heals(server: RedisServer) -> None:
    server.kill()
    async with shared(server.url) as redis:
        assert await seconds_for(redis, "PING") < TIMEOUT_S / 2
        server.start()
        assert await answers_again(redis)


async def test_nothing_there_at_the_start_delays_nothing() -> None:
    began = monotonic()
    async with shared(f"redis://127.0.0.1:{free_port()}/0") as redis:
        assert await redis.ask("PING") is None
    assert monotonic() - began < 2


async def test_a_frozen_redis_costs_one_timeout_in_all_and_heals(server: RedisServer) -> None:
    async with shared(server.url) as redis:
        server.freeze()
        waits = [await seconds_for(redis, "PING") for _ in range(20)]
        assert TIMEOUT_S * 0.9 < waits[0] < TIMEOUT_S * 3
        assert sum(waits[1:]) < TIMEOUT_S / 2
        server.thaw()
        assert await answers_again(redis)


async def test_all_who_wait_for_a_frozen_redis_are_released_together(server: RedisServer) -> None:
    async with shared(server.url) as redis:
        server.freeze()
        began = monotonic()
        waits = [seconds_for(redis, "ECHO", str(number)) for number in range(3 * MAX_TOGETHER)]
        await asyncio.gather(*waits)
        assert monotonic() - began < TIMEOUT_S * 3
        server.thaw()


async def test_after_a_freeze_no_reply_reaches_the_wrong_question(server: RedisServer) -> None:
    async with shared(server.url) as redis:
        server.freeze()
        await redis.ask("ECHO", "old")
        server.thaw()
        assert await answers_again(redis)
        assert await redis.ask("ECHO", "new") == b"new"


async def test_killed_in_the_middle_of_a_command_it_is_missed_at_once(server: RedisServer) -> None:
    async with shared(server.url) as redis:
        asked = asyncio.create_task(seconds_for(redis, "BLPOP", "nothing", "10"))
        await asyncio.sleep(TIMEOUT_S / 4)
        server.kill()
        assert await asked < TIMEOUT_S * 2
        server.start()
        assert await answers_again(redis)


async def test_a_restart_is_survived(server: RedisServer) -> None:
    async with shared(server.url) as redis:
        assert await redis.ask("PING")
        server.kill()
        server.start()
        assert await answers_again(redis)


async def test_out_of_memory_it_still_answers_what_needs_none(
    server: RedisServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("acme_service"), "propagate", True)
    async with shared(server.url) as redis:
        server.fill()
        for _ in range(3):
            assert await redis.ask("SET", "key", "value") is None
        assert await redis.ask("ECHO", "still here") == b"still here"
    said = [one for one in caplog.records if "Redis refuses a command" in one.getMessage()]
    assert len(set(map(id, said))) == 1

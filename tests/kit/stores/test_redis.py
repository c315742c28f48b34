"""A real Redis that goes away in every way it can: nobody waits for it twice."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest

from servekit.stores.redis import (
    MAX_TOGETHER,
    MAX_UNSENT,
    ClusterError,
    SharedRedis,
    redis_of,
)
from servekit.testing.subprocesses import free_port

from tests.redis_server import RedisServer

TIMEOUT_S = 0.1


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


class SlowServer:
    """Speaks just enough of Redis' protocol, and replies `delay_s` after every command."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.received: list[bytes] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        async with await asyncio.start_server(self._serve, "127.0.0.1", 0) as server:
            host, port = server.sockets[0].getsockname()
            yield f"redis://{host}:{port}/0"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while head := await reader.readline():
            words = [await self._word(reader) for _ in range(int(head[1:]))]
            self.received.append(words[0])
            reply = b"+PONG\r\n" if words == [b"PING"] else b"+OK\r\n"
            loop.call_later(self.delay_s, writer.write, reply)
        writer.close()

    async def _word(self, reader: asyncio.StreamReader) -> bytes:
        length = int((await reader.readline())[1:])
        return (await reader.readexactly(length + 2))[:length]


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


async def test_a_command_without_a_reply_is_stored(server: RedisServer) -> None:
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


async def test_a_cancelled_command_takes_no_other_reply(server: RedisServer) -> None:
    async with shared(server.url) as redis:
        leaving = asyncio.create_task(redis.ask("ECHO", "mine"))
        await asyncio.sleep(0)
        leaving.cancel()
        assert await redis.ask("ECHO", "yours") == b"yours"


async def test_a_refused_connection_costs_nothing_and_heals(server: RedisServer) -> None:
    server.kill()
    async with shared(server.url) as redis:
        waits = [await seconds_for(redis, "PING") for _ in range(20)]
        assert sum(waits) < TIMEOUT_S * 10  # half of what twenty timeouts take
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
        assert waits[0] > TIMEOUT_S * 0.9
        assert sum(waits) < TIMEOUT_S * 10  # half of what twenty timeouts take
        server.thaw()
        assert await answers_again(redis)


async def test_all_who_wait_for_a_frozen_redis_are_released_together(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with shared(server.url) as redis:
        server.freeze()
        waits = [seconds_for(redis, "ECHO", str(number)) for number in range(20 * MAX_TOGETHER)]
        await asyncio.gather(*waits)
        # One after the other, twenty batches would take twenty timeouts.
        assert caplog.text.count("Redis is away") == 1
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
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with shared(server.url) as redis:
        server.fill()
        for _ in range(3):
            assert await redis.ask("SET", "key", "value") is None
        assert await redis.ask("ECHO", "still here") == b"still here"
    said = [one for one in caplog.records if "Redis refuses a command" in one.getMessage()]
    assert len(said) == 1


async def test_a_slow_redis_is_skipped_until_it_is_fast() -> None:
    slow = SlowServer(2 * TIMEOUT_S)
    async with slow.listening() as url, shared(f"{url}?protocol=2") as redis:
        waits: list[float] = []
        until = monotonic() + 10 * TIMEOUT_S
        while monotonic() < until:
            waits.append(await seconds_for(redis, "PING"))
            await asyncio.sleep(TIMEOUT_S / 10)
        assert sum(waits) < len(waits) * TIMEOUT_S / 2
        slow.delay_s = 0
        assert await answers_again(redis)


async def test_questions_do_not_wait_behind_what_nobody_waits_for() -> None:
    slow = SlowServer(TIMEOUT_S / 2)
    async with slow.listening() as url, shared(f"{url}?protocol=2") as redis:
        for number in range(MAX_UNSENT):
            redis.tell("SET", str(number), "told")
        assert await redis.ask("GET", "asked") == b"OK"
        assert slow.received.count(b"SET") < 2 * MAX_TOGETHER


async def test_a_redis_turned_replica_is_skipped_until_writable(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a failover, where the address may lead to the old primary for a while."""
    async with shared(server.url) as redis:
        assert await redis.ask("SET", "a", "1")
        with RedisServer() as primary, server.client() as admin:
            admin.replicaof("127.0.0.1", str(primary.port))
            assert await redis.ask("SET", "a", "2") is None
            assert redis.away
            await asyncio.sleep(1)
            assert await seconds_for(redis, "SET", "a", "3") < 0.05
            admin.replicaof("NO", "ONE")
            assert await answers_again(redis)
        assert await redis.ask("SET", "a", "4")
    lost = [one for one in caplog.messages if one.startswith("Redis is away")]
    assert len(lost) == 1


async def test_a_cluster_is_refused_at_the_start(server: RedisServer) -> None:
    server.kill()
    server.start("--cluster-enabled", "yes")
    with pytest.raises(ClusterError, match="name a single one"):
        await SharedRedis(server.url, TIMEOUT_S).open()


def test_an_unknown_parameter_is_named_and_no_password() -> None:
    with pytest.raises(ValueError, match=r"^its address has an unknown parameter 'timeout'$"):
        redis_of("redis://:s3cret@host/0?timeout=5")
    redis_of("redis://host/0?socket_timeout=5&client_name=me")
    redis_of("rediss://host/0?ssl_cert_reqs=none")

"""A Redis client that stays fast when Redis is slow, hung or gone."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from contextvars import Context
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ReadOnlyError, RedisError

from servekit.contracts import Meter

from .urls import UnknownParameterError

log = logging.getLogger(__name__)

MAX_TOGETHER = 256
"""Commands that travel together."""

MAX_UNSENT = 4096
"""Beyond this many unsent commands, further ones without a reply are dropped."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0
"""How long to wait before looking for a lost Redis again: ever longer, up to the second."""

SEARCH_S = 1.0
"""How long a search may take. No request waits for it, so a distant Redis has time to connect."""

PASSES = 4
"""Turns that a busy event loop gets to read a reply that has arrived already."""

OF_CLUSTERS = ("MOVED", "ASK", "CROSSSLOT", "CLUSTERDOWN")

AWAY = (RedisError, OSError, TimeoutError)
"""How a Redis shows that it is not there, or not well."""

SCHEMES = ("redis://", "rediss://", "unix://")

Command = tuple[Any, ...]


class ClusterError(Exception):
    """The address is that of a cluster: its nodes have different keys."""


def redis_of(url: str) -> Redis:
    """A client that has not connected yet. Raises ValueError when `url` is not one of Redis."""
    if not url.startswith(SCHEMES):
        raise ValueError("the address of a Redis begins with redis://, rediss:// or unix://")
    client = Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_connect_timeout=SEARCH_S)
    try:
        client.connection_pool.make_connection()  # made, but not connected
    except TypeError as error:
        # It names the argument that a parameter of the address became.
        raise UnknownParameterError(str(error).rpartition(" ")[2].strip("'")) from None
    return client


class SharedRedis:
    """Commands of concurrent requests travel together, one batch at a time.

    That takes 17 µs for each of 32, where a pool of connections takes 100.

    When Redis does not answer within `timeout_s`, all waiting requests are released at once, and
    no further one waits until a background task has found it again.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        self._redis = redis_of(url)
        self._encode = self._redis.get_encoder().encode
        self._timeout_s = timeout_s
        self._unsent: list[tuple[Command, asyncio.Future[Any] | None]] = []
        self._sending: asyncio.Task[None] | None = None
        self._search: asyncio.Task[None] | None = None
        self._complained = False
        self._meter: Meter | None = None
        self._unanswered = ""

    def report_to(self, meter: Meter, unanswered: str) -> None:
        """Count commands without a reply in this counter."""
        self._meter, self._unanswered = meter, unanswered

    @property
    def away(self) -> bool:
        """Whether nothing is sent, because Redis did not answer lately."""
        return self._search is not None and not self._search.done()

    async def ask(self, *command: Any) -> Any:
        """Return the reply, or None when there is none.

        Redis may be away, refuse the command, or the text cannot be encoded.
        """
        reply = None
        if not self.away:
            waiting = asyncio.get_running_loop().create_future()
            self._send(command, waiting)
            reply = await waiting
        if reply is None and self._meter:
            self._meter.count(self._unanswered)
        return reply

    def tell(self, *command: Any) -> None:
        """Send soon, without a reply. The command is lost when Redis is away or far behind."""
        if not self.away and len(self._unsent) < MAX_UNSENT:
            self._send(command, None)

    async def open(self) -> None:
        """Connect, so that no request has to, and go on trying when that fails."""
        try:
            await self._greet()
            await self._refuse_cluster()
        except AWAY as error:
            self._lost(error)

    async def _refuse_cluster(self) -> None:
        """Raises ClusterError; one that may not be asked (an ACL) is taken for a single Redis."""
        [info] = await self._round_trip([("INFO", "cluster")], SEARCH_S)
        if isinstance(info, dict) and info.get("cluster_enabled"):
            await self._hang_up()
            raise ClusterError(
                "This Redis is a cluster, and its nodes have different keys: name a single one."
            )

    async def close(self) -> None:
        for task in (self._sending, self._search):
            if task is not None and not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        await self._hang_up()

    def _send(self, command: Command, reply: asyncio.Future[Any] | None) -> None:
        name, *arguments = command
        try:
            encoded = (name, *map(self._encode, arguments))
        except (RedisError, UnicodeError):
            # In a batch it would take all others along.
            if reply is not None:
                reply.set_result(None)
            return
        self._unsent.append((encoded, reply))
        if self._sending is None or self._sending.done():
            # A context of its own: what is sent is no part of the request that started it.
            sending = asyncio.get_running_loop().create_task(self._send_all(), context=Context())
            self._sending = sending

    async def _send_all(self) -> None:
        batch: list[tuple[Command, asyncio.Future[Any] | None]] = []
        try:
            while self._unsent:
                if len(self._unsent) > MAX_TOGETHER:
                    # Send awaited commands before fire-and-forget ones.
                    self._unsent.sort(key=lambda one: one[1] is None)
                batch, self._unsent = self._unsent[:MAX_TOGETHER], self._unsent[MAX_TOGETHER:]
                replies = await self._replies([command for command, _ in batch])
                for (_, waiting), reply in zip(batch, replies, strict=True):
                    if waiting is not None and not waiting.done():
                        waiting.set_result(reply)
        finally:
            unanswered, self._unsent = [*batch, *self._unsent], []
            for _, waiting in unanswered:
                if waiting is not None and not waiting.done():
                    waiting.set_result(None)

    async def _replies(self, commands: Sequence[Command]) -> list[Any]:
        if not self.away:
            try:
                replies = await self._round_trip(commands, self._timeout_s)
            except AWAY as error:
                self._lost(error)
            else:
                if demoted := next(
                    (one for one in replies if isinstance(one, ReadOnlyError)), None
                ):
                    # Another one writes now: a new connection may lead to it.
                    self._lost(demoted)
                return list(map(self._reply, replies))
        return [None] * len(commands)

    async def _round_trip(self, commands: Sequence[Command], timeout_s: float) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        trip = asyncio.ensure_future(pipeline.execute(raise_on_error=False))
        try:
            for _ in range(PASSES):
                done, _ = await asyncio.wait({trip}, timeout=timeout_s / PASSES)
                if done:
                    return trip.result()
        finally:
            trip.cancel()
        raise TimeoutError(f"no answer within {timeout_s} s")

    def _reply(self, reply: Any) -> Any:
        if not isinstance(reply, Exception):
            return reply
        if not self._complained:  # once, not with every request
            self._complained = True
            hint = ": it is a cluster" if str(reply).startswith(OF_CLUSTERS) else ""
            log.warning("Redis refuses a command: %s%s", reply, hint)
        return None

    def _lost(self, error: Exception) -> None:
        log.warning("Redis is away: %s: %s", type(error).__name__, error)
        loop = asyncio.get_running_loop()
        self._search = loop.create_task(self._find(), context=Context())

    async def _find(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            await self._hang_up()
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            with suppress(*AWAY):
                await self._greet()
                break
        self._complained = False
        log.info("Redis answers again")

    async def _greet(self) -> None:
        # To connect takes longer than to answer. One that answers more slowly than a request can
        # wait would be lost again at once, for ever, and a request would wait each time.
        for timeout_s in (SEARCH_S, self._timeout_s):
            pong, role = await self._round_trip([("PING",), ("ROLE",)], timeout_s)
            if isinstance(pong, Exception):
                raise pong
            # One that may not be asked for its role (an ACL) is taken for one that writes.
            if isinstance(role, list) and role[0] in {b"slave", "slave"}:
                raise ReadOnlyError("it is a replica, and takes no writes")

    async def _hang_up(self) -> None:
        # A connection on which a reply is still to come would answer the next question with it.
        with suppress(*AWAY):
            await self._redis.connection_pool.disconnect(inuse_connections=True)

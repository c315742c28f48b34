"""Decides which calls run in the event loop, and runs the others in threads."""

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from contextvars import copy_context
from typing import Any, TypeVar

Value = TypeVar("Value")

QUICK_S = 0.002
"""A call that is expected to take no longer is made in the event loop."""

BUSY_S = 0.025
"""A quick call may take so long on a busy machine, waiting some times for Python's lock."""

TRY_EVERY = 16
"""Of so many calls of a size that run in threads, one is timed; of more, while they stay slow."""

TRY_EVERY_AT_MOST = 1024

ALONE_S = 0.05
"""How long the call that is timed waits for others to end."""


class Pace:
    """Expects a call to take as long as recent ones of its size did on average.

    Some milliseconds more, now and then, are what any call takes on a busy machine. One that takes
    longer than that counts alone, and is forgotten slowly: hundreds of quick calls do not bring a
    slow one into the loop.
    """

    FORGETS = 0.98

    def __init__(self) -> None:
        # By the number of binary digits of the size in bytes.
        self._mean_s: dict[int, float] = {}
        self._slowest_s: dict[int, float] = {}
        self._until_due: dict[int, int] = {}
        self._try_every: dict[int, int] = {}

    def is_quick(self, size: int) -> bool:
        """Whether calls of this size have been quick so far; False for an unknown size."""
        bucket = size.bit_length()
        expected_s = max(self._mean_s.get(bucket, math.inf), self._slowest_s.get(bucket, 0.0))
        return expected_s <= QUICK_S

    def is_due(self, size: int) -> bool:
        """Whether this call in a thread is one to time; to be asked once for each."""
        bucket = size.bit_length()
        left = self._until_due.get(bucket, 0)
        self._until_due[bucket] = left - 1 if left else self._try_every.get(bucket, TRY_EVERY) - 1
        return not left

    def took(self, size: int, seconds: float, calls: int = 1) -> None:
        """Note how long a call took, which stands for so many."""
        bucket, kept = size.bit_length(), self.FORGETS**calls
        mean_s = self._mean_s.get(bucket, seconds)
        self._mean_s[bucket] = kept * mean_s + (1 - kept) * seconds
        slow_s = seconds if seconds > BUSY_S else 0.0
        self._slowest_s[bucket] = max(slow_s, kept * self._slowest_s.get(bucket, 0.0))

    def tried(self, size: int, seconds: float) -> None:
        """Note how long a call that was due took."""
        self.took(size, seconds, TRY_EVERY)
        bucket = size.bit_length()
        every = TRY_EVERY if seconds <= QUICK_S else 2 * self._try_every.get(bucket, TRY_EVERY)
        self._try_every[bucket] = min(every, TRY_EVERY_AT_MOST)


def _end_of(work: Future[Any]) -> asyncio.Future[Any]:
    """A future for the end of some work, however it ends: its error is for others."""
    ended = asyncio.wrap_future(work)
    ended.add_done_callback(lambda one: one.cancelled() or one.exception())
    return ended


class ThreadCalls:
    """Makes calls in threads, and times one in some while nothing else runs.

    Beside a busy event loop, or other calls, one takes ten times as long as by itself: they take
    turns at Python's lock. A quick model would seem slow, and never get out of its threads.
    """

    def __init__(self, threads: Executor) -> None:
        self._threads = threads
        self._under_way: set[Future[Any]] = set()
        self._timing: asyncio.Future[None] | None = None

    async def call(
        self, pace: Pace, size: int, timed: Callable[..., tuple[Value, float]], *args: Any
    ) -> Value:
        """Call a function that returns a value and the seconds that it took."""
        await self._turn()
        if pace.is_due(size):
            return await self.alone(pace, size, timed, *args)
        value, _ = await asyncio.wrap_future(self._begun(timed, *args))
        return value

    async def alone(
        self, pace: Pace, size: int, timed: Callable[..., tuple[Value, float]], *args: Any
    ) -> Value:
        """Call a function that is due, while nothing else runs; let the pace know."""
        await self._turn()
        timing = self._timing = asyncio.get_running_loop().create_future()
        try:
            if others := {_end_of(one) for one in tuple(self._under_way)}:
                await asyncio.wait(others, timeout=ALONE_S)
            work = self._begun(timed, *args)
            # The loop stands still.
            wait([work], QUICK_S)
        finally:
            timing.set_result(None)
        value, seconds = await asyncio.wrap_future(work)
        pace.tried(size, seconds)
        return value

    async def _turn(self) -> None:
        """Wait while a call is timed."""
        while self._timing and not self._timing.done():
            await asyncio.shield(self._timing)

    def _begun(
        self, timed: Callable[..., tuple[Value, float]], *args: Any
    ) -> Future[tuple[Value, float]]:
        work = self._threads.submit(copy_context().run, timed, *args)
        self._under_way.add(work)
        work.add_done_callback(self._under_way.discard)
        return work

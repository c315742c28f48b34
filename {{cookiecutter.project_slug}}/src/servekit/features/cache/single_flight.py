"""Runs one call for equal concurrent requests."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from servekit.contracts import ModelError

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class _Flight(Generic[Answer]):
    """A call under way, and a future for each request that waits for it."""

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self.waiting: list[asyncio.Future[Answer]] = []

    def still_waiting(self) -> list[asyncio.Future[Answer]]:
        return [one for one in self.waiting if not one.done()]


class SingleFlight(Generic[Key, Answer]):
    """Runs one call for all concurrent requests that are the same.

    The call goes on while any request waits for it, even if the first one leaves, and is cancelled
    with the last.
    """

    def __init__(self) -> None:
        self._flights: dict[Key, _Flight[Answer]] = {}

    def under_way(self, key: Key) -> bool:
        return key in self._flights

    async def do(self, key: Key, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return the result of `ask`, or of an equal call in flight."""
        loop = asyncio.get_running_loop()
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight()
            flight.task = loop.create_task(self._call(key, flight, ask))
            flight.task.add_done_callback(lambda task: self._landed(key, flight, task))
        answer: asyncio.Future[Answer] = loop.create_future()
        flight.waiting.append(answer)
        try:
            return await answer
        finally:
            if answer.cancelled():
                flight.waiting.remove(answer)
                if not flight.waiting and flight.task:
                    self._ended(key, flight)
                    flight.task.cancel()

    async def _call(
        self, key: Key, flight: _Flight[Answer], ask: Callable[[], Awaitable[Answer]]
    ) -> None:
        # What waits is told here, not by the task's callbacks: they run a turn of the loop later.
        try:
            found = await ask()
        except Exception as error:
            self._ended(key, flight)
            for one in flight.still_waiting():
                # A new instance for each raise: an error collects the traceback of every raise.
                known = isinstance(error, ModelError)
                one.set_exception(type(error)(*error.args) if known else error)
        else:
            self._ended(key, flight)
            for one in flight.still_waiting():
                one.set_result(found)

    def _landed(self, key: Key, flight: _Flight[Answer], task: asyncio.Task[None]) -> None:
        """End what `_call` has not: it was cancelled, or failed itself."""
        self._ended(key, flight)
        error = None if task.cancelled() else task.exception()
        for one in flight.still_waiting():
            if error is None:
                one.cancel()
            else:
                one.set_exception(error)

    def _ended(self, key: Key, flight: _Flight[Answer]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]

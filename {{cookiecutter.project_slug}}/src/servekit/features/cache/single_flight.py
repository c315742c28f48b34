"""Runs one call for equal concurrent requests."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from servekit.contracts import ModelError

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class SingleFlight(Generic[Key, Answer]):
    """Runs one call for all concurrent requests that are the same.

    The call goes on while any request waits for it, even if the first one leaves, and is cancelled
    with the last.
    """

    def __init__(self) -> None:
        self._flights: dict[Key, tuple[asyncio.Task[Answer], list[None]]] = {}

    def under_way(self, key: Key) -> bool:
        return key in self._flights

    async def do(self, key: Key, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return the result of `ask`, or of an equal call in flight."""
        if key not in self._flights:
            task = asyncio.ensure_future(_coroutine(ask))
            self._flights[key] = (task, [])
            task.add_done_callback(lambda task: self._ended(key, task))
        task, waiters = self._flights[key]
        waiters.append(None)
        try:
            return await asyncio.shield(task)
        except ModelError as error:
            # A new instance for each raise: an error collects the traceback of every raise.
            raise type(error)(*error.args) from None
        finally:
            waiters.pop()
            if not waiters and not task.done():
                self._ended(key, task)
                task.cancel()

    def _ended(self, key: Key, task: asyncio.Task[Answer]) -> None:
        if key in self._flights and self._flights[key][0] is task:
            del self._flights[key]


async def _coroutine(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    return await ask()

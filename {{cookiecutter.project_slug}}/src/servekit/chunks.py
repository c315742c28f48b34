"""Puts the items of a stream together: to pass each on by itself costs more than most items."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from typing import TypeVar

from anyio import CancelScope

Item = TypeVar("Item")

MAX_AHEAD = 64
"""Items that a stream may be ahead of its reader."""

MAX_CHUNK_BYTES = 512 * 1024
"""Far enough under the 4 MiB that gRPC between deployments takes, with one item more."""


async def ready_together(
    values: AsyncIterator[Item], size: Callable[[Item], int], idle_s: float | None = None
) -> AsyncGenerator[list[Item], None]:
    """Yield the items of a stream in lists of what is ready.

    Items before an error are yielded before it is raised.

    Args:
        values: The items; closed at the end.
        size: Of an item, in bytes.
        idle_s: An empty list is yielded whenever no item has come for so many seconds; None: never.
    """
    ready: list[Item] = []
    filled, emptied = asyncio.Event(), asyncio.Event()

    async def read() -> None:
        ready_bytes = 0
        try:
            async for value in values:
                ready.append(value)
                filled.set()
                ready_bytes += size(value)
                if len(ready) >= MAX_AHEAD or ready_bytes >= MAX_CHUNK_BYTES:
                    ready_bytes = 0
                    emptied.clear()
                    await emptied.wait()
        finally:
            if close := getattr(values, "aclose", None):
                await close()

    reading = asyncio.ensure_future(read())
    reading.add_done_callback(lambda _: filled.set())
    try:
        while not filled.is_set() or ready:
            with suppress(TimeoutError):
                async with asyncio.timeout(idle_s):
                    await filled.wait()
            chunk = ready.copy()
            ready.clear()
            emptied.set()
            if not reading.done():
                filled.clear()
            if chunk or not reading.done():
                yield chunk
        await reading
    finally:
        reading.cancel()
        # A scope of anyio, as around responses, cancels again and again until it is left: what is
        # still closing here would be closed a second time.
        with CancelScope(shield=True):
            await asyncio.wait([reading])

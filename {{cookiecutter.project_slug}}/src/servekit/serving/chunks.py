"""Sends what a stream has ready together: a message for each item costs more than most items."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from servekit.contracts import Prediction

from .sizes import size_bytes

Item = TypeVar("Item")

Whole = list[Prediction[Any]] | None
"""All pieces of a stream; None for one that has to be streamed."""

MAX_AHEAD = 64
"""Items that a stream may be ahead of its reader."""

MAX_CHUNK_BYTES = 512 * 1024
"""Far enough under the 4 MiB that gRPC between deployments takes, with one item more."""


class Chunked:
    """Gives the streams of a deployment in chunks, to callers in other processes.

    A method for each, so that traces and metrics of Ray Serve tell them apart.
    """

    predict_each: Callable[[Sequence[Any], str], AsyncIterator[Any]]
    stream: Callable[[Any, str], AsyncIterator[Any]]

    async def predict_each_chunks(
        self, items: Sequence[Any], version: str
    ) -> AsyncIterator[list[Any]]:
        async with aclosing(ready_together(self.predict_each(items, version))) as chunks:
            async for chunk in chunks:
                yield chunk

    async def stream_chunks(self, item: Any, version: str) -> AsyncIterator[list[Any]]:
        async with aclosing(ready_together(self.stream(item, version))) as chunks:
            async for chunk in chunks:
                yield chunk


async def ready_together(values: AsyncIterator[Item]) -> AsyncGenerator[list[Item], None]:
    """Yield the items of a stream in lists of what is ready, at least one each.

    Items before an error are yielded before it is raised.
    """
    ready: list[Item] = []
    filled, emptied = asyncio.Event(), asyncio.Event()

    async def read() -> None:
        ready_bytes = 0
        try:
            async for value in values:
                ready.append(value)
                filled.set()
                ready_bytes += size_bytes(value)
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
        while await filled.wait() and ready:
            chunk = ready.copy()
            ready.clear()
            emptied.set()
            if not reading.done():
                filled.clear()
            yield chunk
        await reading
    finally:
        reading.cancel()
        await asyncio.wait([reading])

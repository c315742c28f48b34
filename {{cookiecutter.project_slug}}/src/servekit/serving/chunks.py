"""Sends the ready items of a stream together: a message each would cost more than the items."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from servekit.chunks import ready_together
from servekit.contracts import Prediction

from .sizes import size_bytes

Whole = list[Prediction[Any]] | None
"""All pieces of a stream; None for one that has to be streamed."""


class Chunked:
    """Gives the streams of a deployment in chunks, to callers in other processes.

    A method for each, so that traces and metrics of Ray Serve tell them apart.
    """

    predict_each: Callable[[Sequence[Any], str], AsyncIterator[Any]]
    stream: Callable[[Any, str], AsyncIterator[Any]]

    async def predict_each_chunks(
        self, items: Sequence[Any], version: str
    ) -> AsyncIterator[list[Any]]:
        each = self.predict_each(items, version)
        async with aclosing(ready_together(each, size_bytes)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def stream_chunks(self, item: Any, version: str) -> AsyncIterator[list[Any]]:
        pieces = self.stream(item, version)
        async with aclosing(ready_together(pieces, size_bytes)) as chunks:
            async for chunk in chunks:
                yield chunk

"""Blocking work beside an event loop."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

Item = TypeVar("Item")

_END = object()


async def in_thread(iterator: Iterator[Item]) -> AsyncIterator[Item]:
    """Take each item of a blocking iterator in a thread, so that the loop stays free.

    Whoever stops listening stops the work after the current item.
    """
    while (item := await asyncio.to_thread(next, iterator, _END)) is not _END:
        yield item  # pyright: ignore[reportReturnType]

"""Blocking work beside an event loop."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from time import monotonic
from typing import TypeVar

Item = TypeVar("Item")

SLICE_S = 0.005
"""How long a thread works before it hands over what it has: much longer than handing over takes,
and too short to notice."""


async def iterate_in_thread(iterator: Iterator[Item]) -> AsyncIterator[Item]:
    """Take the items of a blocking iterator in a thread, so that the loop stays free.

    Quick items are taken some at a time. Whoever stops listening stops the work soon after.
    """
    while items := await asyncio.to_thread(_some_of, iterator):
        for item in items:
            yield item


def _some_of(iterator: Iterator[Item]) -> list[Item]:
    until = monotonic() + SLICE_S
    items: list[Item] = []
    for item in iterator:
        items.append(item)
        if monotonic() >= until:
            break
    return items

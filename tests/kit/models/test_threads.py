"""Blocking iterators beside an event loop."""

import asyncio
import threading
import time
from collections.abc import Iterator

from servekit.registry.iterate import iterate_in_thread


def slow(last: int) -> Iterator[int]:
    for number in range(last):
        time.sleep(0.05)
        yield number


async def test_items_come_in_order_and_the_end_is_the_end() -> None:
    assert [one async for one in iterate_in_thread(iter(range(1000)))] == list(range(1000))
    assert [one async for one in iterate_in_thread(iter([]))] == []


async def test_the_first_item_does_not_wait_for_the_last() -> None:
    began = time.monotonic()
    async for _ in iterate_in_thread(slow(20)):
        break
    assert time.monotonic() - began < 0.5


async def test_the_loop_is_free_meanwhile() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.001)

    counting = asyncio.create_task(count())
    assert [one async for one in iterate_in_thread(slow(3))] == [0, 1, 2]
    counting.cancel()
    assert turns > 10


async def test_work_is_done_elsewhere() -> None:
    def where() -> Iterator[int]:
        yield threading.get_ident()

    assert [one async for one in iterate_in_thread(where())] != [threading.get_ident()]

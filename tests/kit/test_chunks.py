"""Streams travel in chunks of what is ready."""

import asyncio
import sys
from collections.abc import AsyncIterator
from itertools import count

import pytest

from servekit.chunks import MAX_AHEAD, MAX_CHUNK_BYTES, ready_together


async def numbers(many: int, error: Exception | None = None) -> AsyncIterator[int]:
    for number in range(many):
        yield number
    if error:
        raise error


async def test_what_is_ready_travels_together() -> None:
    chunks = [one async for one in ready_together(numbers(3 * MAX_AHEAD), sys.getsizeof)]
    assert [one for chunk in chunks for one in chunk] == [*range(3 * MAX_AHEAD)]
    assert len(chunks) <= 4


async def large(many: int) -> AsyncIterator[bytes]:
    for _ in range(many):
        yield b"x" * (MAX_CHUNK_BYTES // 4)


async def test_a_chunk_is_never_too_large_for_a_message() -> None:
    sizes = [sum(map(len, one)) async for one in ready_together(large(40), len)]
    assert sum(sizes) == 10 * MAX_CHUNK_BYTES
    assert max(sizes) <= 2 * MAX_CHUNK_BYTES


async def test_an_item_does_not_wait_for_the_next() -> None:
    more = asyncio.Event()

    async def two() -> AsyncIterator[int]:
        yield 1
        await more.wait()
        yield 2

    chunks = ready_together(two(), sys.getsizeof)
    assert await asyncio.wait_for(anext(chunks), 1) == [1]
    more.set()
    assert await asyncio.wait_for(anext(chunks), 1) == [2]
    assert [one async for one in chunks] == []


async def test_items_before_an_error_come_before_it() -> None:
    chunks = ready_together(numbers(2, ValueError("broken")), sys.getsizeof)
    assert await anext(chunks) == [0, 1]
    with pytest.raises(ValueError, match="broken"):
        await anext(chunks)


@pytest.mark.parametrize("taken", [0, 1])
async def test_a_reader_that_leaves_stops_the_stream(taken: int) -> None:
    left = asyncio.Event()

    async def endless() -> AsyncIterator[int]:
        try:
            for number in count():
                yield number
        finally:
            left.set()

    chunks = ready_together(endless(), sys.getsizeof)
    for _ in range(taken):
        assert len(await anext(chunks)) <= MAX_AHEAD
    await chunks.aclose()
    assert left.is_set() == bool(taken)


async def test_a_reader_hears_of_a_stream_that_is_idle() -> None:
    more = asyncio.Event()

    async def one() -> AsyncIterator[int]:
        await more.wait()
        yield 1

    chunks = ready_together(one(), sys.getsizeof, idle_s=0.001)
    assert [await anext(chunks) for _ in range(3)] == [[], [], []]
    more.set()
    assert [one async for one in chunks if one] == [[1]]

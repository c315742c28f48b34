"""Streams that fail before their first item fail with a proper status."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar

Item = TypeVar("Item")


@asynccontextmanager
async def started(stream: AsyncIterator[Item]) -> AsyncIterator[AsyncIterator[Item]]:
    """Wait for the first item, then give all of them.

    An answer's status is sent before its body, so an error is only worth a 503 while nothing
    has been sent. The stream is closed on leaving, which cancels the work behind it.
    """
    iterator = aiter(stream)
    try:
        first = await anext(iterator)

        async def items() -> AsyncIterator[Item]:
            yield first
            async for item in iterator:
                yield item

        async with aclosing(items()) as whole:  # type: ignore[type-var]
            yield whole
    finally:
        if close := getattr(iterator, "aclose", None):
            await close()

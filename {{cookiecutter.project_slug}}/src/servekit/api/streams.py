"""Lets a stream that cannot begin answer with a proper status."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, aclosing, asynccontextmanager
from typing import TypeVar

from starlette.requests import HTTPConnection

from .principal import caller_of

Item = TypeVar("Item")


async def _first(iterator: AsyncIterator[Item]) -> AsyncIterator[Item]:
    """The next item, if there is one."""
    async for item in iterator:
        yield item
        return


@asynccontextmanager
async def started(
    stream: AsyncIterator[Item],
) -> AsyncIterator[tuple[Item | None, AsyncIterator[Item]]]:
    """Wait for the first item, then give it, and all of them.

    An answer's status and headers are sent before its body, so an error is only worth a 503
    while nothing has been sent. The stream is closed on leaving, which cancels the work
    behind it.
    """
    iterator = aiter(stream)
    try:
        first = [item async for item in _first(iterator)]

        async def items() -> AsyncIterator[Item]:
            for item in first:
                yield item
            async for item in iterator:
                yield item

        async with aclosing(items()) as whole:  # type: ignore[type-var]
            yield (first[0] if first else None), whole
    finally:
        if close := getattr(iterator, "aclose", None):
            await close()


def share_held(connection: HTTPConnection) -> AbstractContextManager[None]:
    """Count a stream or a WebSocket as one of its caller's while the block lasts.

    Raises:
        TooManyStreamsError: On entering, where the caller has as many as it may; it is a 429.
    """
    return connection.app.state.shares.held(caller_of(connection.scope))

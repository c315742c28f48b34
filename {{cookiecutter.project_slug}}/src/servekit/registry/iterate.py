"""Runs blocking work beside an event loop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor
from contextvars import copy_context
from functools import partial
from threading import current_thread, main_thread
from time import monotonic
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

SLICE_S = 0.005
"""How long a thread works before it hands over what it has: much longer than handing over takes,
and too short to notice."""

ENDS = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt)
"""What stops work from outside."""


class Contained:
    """A block that turns its errors into those that a future can carry.

    StopIteration would leave a future waiting for ever, SystemExit would end the process, and a
    library in another language may panic. A class: `contextmanager` lets StopIteration through.
    """

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        ordinary = isinstance(error, Exception) and not isinstance(error, StopIteration)
        # Ctrl-C arrives in the main thread alone.
        raised = isinstance(error, KeyboardInterrupt) and current_thread() is not main_thread()
        if error is None or ordinary or (isinstance(error, ENDS) and not raised):
            return
        raise RuntimeError(f"It raised {error!r}.") from error


async def in_thread(threads: Executor | None, work: Callable[..., Result], *args: object) -> Result:
    """Call a function in a thread, in the context of this task."""
    call: Callable[[], Any] = partial(copy_context().run, work, *args)
    return await asyncio.get_running_loop().run_in_executor(threads, call)


async def iterate_in_thread(
    iterator: Iterator[Item], threads: Executor | None = None
) -> AsyncIterator[Item]:
    """Take the items of a blocking iterator in a thread, so that the loop stays free.

    Quick items are taken several at a time. When the consumer stops, the work stops soon after.
    Items before an error are yielded before it is raised.
    """
    error = None
    while error is None:
        work = partial(_some_of, iterator)
        items, error = await in_thread(threads, work)
        for item in items:
            yield item
        if not items and error is None:
            return
    raise error


def _some_of(iterator: Iterator[Item]) -> tuple[list[Item], Exception | None]:
    """Return the next items, and the error after them if there is one."""
    until = monotonic() + SLICE_S
    items: list[Item] = []
    try:
        with Contained():
            for item in iterator:
                items.append(item)
                if monotonic() >= until:
                    break
    except Exception as error:
        return items, error
    return items, None

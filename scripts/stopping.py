"""Ctrl-C and SIGTERM, as one exception. Imports next to nothing, so that it is in force at once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StoppedError(BaseException):
    """The process was interrupted, by Ctrl-C or SIGTERM."""


def listen() -> None:
    for number in SIGNALS:
        signal.signal(number, stop)


def ignore() -> None:
    """From here on, nothing interrupts the cleaning up."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def stop(_number: int, _frame: FrameType | None) -> NoReturn:
    ignore()
    raise StoppedError


@contextmanager
def held_back() -> Iterator[None]:
    """Raise only at the end of the block, so that whatever it starts is known by then."""
    asked: list[int] = []
    for number in SIGNALS:
        signal.signal(number, lambda number, _: asked.append(number))
    yield
    listen()
    if asked:
        stop(asked[0], None)

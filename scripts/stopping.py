"""Ctrl-C and SIGTERM, as one exception. Imports next to nothing, so that it is in force at once."""

import signal
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StoppedError(BaseException):
    """Somebody pressed Ctrl-C, or sent SIGTERM."""


def listen() -> None:
    for number in SIGNALS:
        signal.signal(number, stop)


def stop(_number: int, _frame: FrameType | None) -> NoReturn:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # from here on, nothing interrupts the cleaning up
    raise StoppedError

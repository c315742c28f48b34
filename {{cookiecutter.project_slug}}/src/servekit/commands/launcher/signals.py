"""Handles Ctrl-C and SIGTERM at any moment of a launcher."""

import signal
from types import FrameType


class Stop(BaseException):
    """The service was asked to stop."""


class Stopper:
    """Turns SIGINT and SIGTERM into Stop, until cleaning up has begun."""

    def __init__(self) -> None:
        self.asked = False
        self.cleaning = False

    def listen(self) -> None:
        # Again after Ray has started: it brings a handler of its own.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        if not self.cleaning:
            raise Stop

    def raise_if_asked(self) -> None:
        # A Stop raised inside a callback of C code is swallowed there.
        if self.asked:
            raise Stop

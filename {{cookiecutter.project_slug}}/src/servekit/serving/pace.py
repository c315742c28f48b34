"""Predicts how long calls take, to tell which ones the event loop can make itself."""

from collections import defaultdict
from concurrent.futures import Future, wait
from typing import Any

QUICK_S = 0.002
"""A call that is expected to take no longer is made in the event loop."""

TRY_EVERY = 16
"""Of so many calls of a size that run in threads, one is timed."""


class Pace:
    """Expects a call to take as long as the slowest of recent ones of its size.

    It forgets slowly, so hundreds of quick calls do not bring a slow one into the loop.

    In a thread, a call beside a busy event loop takes ten times as long as by itself: the two take
    turns at Python's lock. So one call in some is timed there, while the loop stands still.
    """

    FORGETS = 0.98

    def __init__(self) -> None:
        self._slowest_s: dict[int, float] = {}
        """By the number of binary digits of the size in bytes."""
        self._in_threads: defaultdict[int, int] = defaultdict(int)

    def is_quick(self, size: int) -> bool:
        """Whether calls of this size have been quick so far; False for an unknown size."""
        return self._slowest_s.get(size.bit_length(), float("inf")) <= QUICK_S

    def is_due(self, size: int) -> bool:
        """Whether this call in a thread is one to time; to be asked once for each."""
        number = self._in_threads[size.bit_length()]
        self._in_threads[size.bit_length()] = (number + 1) % TRY_EVERY
        return number == 0

    def took(self, size: int, seconds: float, calls: int = 1) -> None:
        """Note how long a call took, which stands for so many."""
        before = self._slowest_s.get(size.bit_length(), 0.0)
        self._slowest_s[size.bit_length()] = max(seconds, before * self.FORGETS**calls)


def undisturbed(work: Future[Any], longest_s: float) -> None:
    """Let the event loop stand still while a thread works, for so many seconds at most."""
    wait([work], longest_s)

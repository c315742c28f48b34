"""Stops on a signal at any moment, and leaves nothing running.

Imports next to nothing, so that signals are listened to at once. The template's own programs use
this module too.
"""

import ctypes
import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_CHILD_SUBREAPER = 36


class Stop(BaseException):
    """The program was asked to stop."""


class Stopper:
    """Turns the first signal to stop into Stop, unless cleaning up has begun."""

    def __init__(self) -> None:
        self.asked = False
        self.raised = False
        self.cleaning = False

    def listen(self) -> None:
        """Listen to signals; once more after Ray has started, which brings a handler of its own."""
        for number in SIGNALS:
            # `nohup` lets a program ignore that its terminal is gone.
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._stop)
        sys.unraisablehook = all_but_stop

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        before, self.asked = self.asked, True
        if not (before or self.cleaning):
            self.raised = True
            raise Stop

    def raise_if_asked(self) -> None:
        """Raise Stop once more: finalizers and callbacks of C code swallow it."""
        if self.asked:
            raise Stop

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Raise only at the end of the block, so that what it starts or ends is known by then."""
        before, self.cleaning = self.asked, True
        try:
            yield
        finally:
            self.cleaning = False
        if self.asked and not before:
            self.raised = True
            raise Stop


def all_but_stop(unraisable: "sys.UnraisableHookArgs") -> None:
    """Print what a finalizer raised, unless it is Stop, which `raise_if_asked` raises once more."""
    if unraisable.exc_type is not Stop:
        sys.__unraisablehook__(unraisable)


def adopt_orphans() -> None:
    """Adopt the processes that lose their parent, where the system can (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def descendants(of: int = 0) -> list[int]:
    """The process ids below a process, by default this one; none where there is no /proc."""
    children: dict[int, list[int]] = defaultdict(list)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name in parentheses may hold spaces; state and parent follow it.
            _, _, rest = stat.read_bytes().rpartition(b")")
            children[int(rest.split()[1])].append(int(stat.parent.name))
    found: list[int] = []
    left = [of or os.getpid()]
    while left:
        below = children[left.pop()]
        found += below
        left += below
    return found


def end_descendants(grace_s: float = 5.0) -> None:
    """Ask every process below this one to end, then make it, and wait until all are gone."""
    deadline = time.monotonic() + grace_s
    number = signal.SIGTERM
    while alive := descendants():
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if time.monotonic() > deadline:
            number = signal.SIGKILL
        time.sleep(0.05)

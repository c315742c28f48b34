"""Ends every descendant of this process."""

import ctypes
import os
import signal
import sys
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Adopt orphaned descendants, where the system supports it (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def descendants() -> list[int]:
    """The process ids below this process; none where there is no /proc."""
    children: dict[int, list[int]] = defaultdict(list)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name in parentheses may hold spaces; state and parent follow it.
            _, _, rest = stat.read_bytes().rpartition(b")")
            children[int(rest.split()[1])].append(int(stat.parent.name))
    found: list[int] = []
    left = [os.getpid()]
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
        _reap()
        if time.monotonic() > deadline:
            number = signal.SIGKILL
        time.sleep(0.05)


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass

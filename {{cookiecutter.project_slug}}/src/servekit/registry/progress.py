"""Reports the progress of a download."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from time import monotonic

log = logging.getLogger(__name__)

EVERY_S = 5.0
MEGABYTE = 1_000_000


@contextmanager
def reported(doing: str, folder: Path) -> Iterator[None]:
    """Say every few seconds how much is in a folder: on a terminal, or else in the log.

    What is done sooner is not mentioned.

    Args:
        doing: What fills the folder, such as "fetching churn:3".
        folder: It may grow, and be gone, at any moment.
    """
    done = Event()
    watching = Thread(target=_watch, args=(doing, folder, done), name="progress", daemon=True)
    watching.start()
    try:
        yield
    finally:
        done.set()
        watching.join()


def _watch(doing: str, folder: Path, done: Event) -> None:
    began = monotonic()
    terminal = sys.stderr if sys.stderr.isatty() else None
    shown = False
    while not done.wait(EVERY_S):
        megabytes, seconds = _bytes_in(folder) / MEGABYTE, monotonic() - began
        if terminal is None:
            # A replica logs nothing below this level that is not Serve's own.
            log.warning("%s: %.1f MB after %.0f s", doing, megabytes, seconds)
        else:
            terminal.write(f"\r{doing}: {megabytes:.1f} MB after {seconds:.0f} s\x1b[K")
            terminal.flush()
            shown = True
    if terminal is not None and shown:
        terminal.write("\n")


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # clients rename what they have fetched
            total += path.stat().st_size if path.is_file() else 0
    return total

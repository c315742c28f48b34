"""A background poller that can be triggered early."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from threading import Condition, Thread
from time import monotonic

log = logging.getLogger(__name__)


class Poller:
    """Calls `look` repeatedly in a daemon thread.

    Args:
        look: One poll.
        every_s: Seconds between two polls.
        pause_s: The least seconds between two that are triggered.
    """

    def __init__(self, look: Callable[[], None], every_s: float, pause_s: float) -> None:
        self._look = look
        self._every_s = every_s
        self._pause_s = min(pause_s, every_s)
        self._changed = Condition()
        self._asked: list[Future[None]] = []
        self._due = monotonic() + every_s
        self._soonest = monotonic()
        self._stopped = False
        Thread(target=self._repeat, name="poller", daemon=True).start()

    def soon(self) -> "Future[None]":
        """Trigger a poll; the future is done when one that began after this moment has ended."""
        looked: Future[None] = Future()
        with self._changed:
            self._asked.append(looked)
            self._due = min(self._due, self._soonest)
            self._changed.notify()
        return looked

    def at_once(self) -> "Future[None]":
        """Trigger a poll without the pause."""
        with self._changed:
            self._soonest = float("-inf")
        return self.soon()

    def within(self, seconds: float) -> None:
        """Poll after this many seconds at the latest."""
        with self._changed:
            self._due = min(self._due, monotonic() + seconds)
            self._changed.notify()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def _repeat(self) -> None:
        while True:
            with self._changed:
                while not self._stopped and (pause := self._due - monotonic()) > 0:
                    self._changed.wait(pause)
                if self._stopped:
                    return
                asked, self._asked = self._asked, []
                self._due = monotonic() + self._every_s
                self._soonest = monotonic() + self._pause_s
            try:
                self._look()
            except Exception:
                log.exception("a poll failed")
            for looked in asked:
                if looked.set_running_or_notify_cancel():
                    looked.set_result(None)

"""A background poller that can be triggered early."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from threading import Condition, Thread
from time import monotonic

log = logging.getLogger(__name__)


class Poller:
    """Calls `look` in a thread of its own, which keeps no process from ending.

    every_s: between two looks when nobody asks.
    pause_s: between two looks when somebody does.
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
        Thread(target=self._repeat, name="looking", daemon=True).start()

    def soon(self) -> "Future[None]":
        """Done when there was a look that began after this moment."""
        looked: Future[None] = Future()
        with self._changed:
            self._asked.append(looked)
            self._due = min(self._due, self._soonest)
            self._changed.notify()
        return looked

    def at_once(self) -> "Future[None]":
        """As `soon`, without the pause."""
        with self._changed:
            self._soonest = float("-inf")
        return self.soon()

    def within(self, seconds: float) -> None:
        """Have a look after so long at the latest."""
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
                log.exception("a look failed")
            for looked in asked:
                if looked.set_running_or_notify_cancel():
                    looked.set_result(None)

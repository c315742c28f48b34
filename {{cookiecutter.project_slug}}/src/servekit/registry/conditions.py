"""What operators should know of a model, beside what its log says."""

import logging
from threading import Lock

log = logging.getLogger(__name__)


class Conditions:
    """One sentence a subject. They are shown to callers too, so they name no places."""

    def __init__(self) -> None:
        self._notes: dict[str, str] = {}
        self._lock = Lock()

    def __str__(self) -> str:
        with self._lock:
            return " ".join(self._notes.values())

    def set(self, subject: str, note: str, because: object) -> None:
        """Note and log it, unless it is noted already.

        because: for the log alone.
        """
        with self._lock:
            new = self._notes.get(subject) != note
            self._notes[subject] = note
        if new:
            log.error("%s (%s)", note, because)

    def clear(self, subject: str) -> None:
        with self._lock:
            self._notes.pop(subject, None)

"""Conditions of a model that operators should know of, beside the log."""

import logging
from threading import Lock

log = logging.getLogger(__name__)


class Conditions:
    """One sentence for each subject. Callers see them too, so they name no paths or hosts."""

    def __init__(self) -> None:
        self._notes: dict[str, str] = {}
        self._lock = Lock()

    def __str__(self) -> str:
        with self._lock:
            return " ".join(self._notes.values())

    def set(self, subject: str, note: str, because: object) -> None:
        """Set and log a condition, unless it is set already.

        Args:
            subject: What it is about.
            note: One sentence.
            because: The cause, for the log alone.
        """
        with self._lock:
            new = self._notes.get(subject) != note
            self._notes[subject] = note
        if new:
            log.error("%s (%s)", note, because)

    def clear(self, subject: str) -> None:
        with self._lock:
            self._notes.pop(subject, None)

"""Polls a file for changes."""

from pathlib import Path

Stamp = tuple[int, int, int] | None
"""Changes with the file; None while there is none."""


class Changes:
    """Detects changes of one file, from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = self._latest = self._stamp()

    def seen(self) -> bool:
        """Whether the file has changed since this was last true."""
        waiting = self.waiting()
        if waiting:
            self._known = self._latest
        return waiting

    def waiting(self) -> bool:
        """Whether a change is there to be seen."""
        # Two polls in a row have to agree: the file may still be being written.
        before, self._latest = self._latest, self._stamp()
        return self._latest is not None and before == self._latest != self._known

    def _stamp(self) -> Stamp:
        try:
            status = self._path.stat()
        except OSError:  # away for a moment, while another one takes its place
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

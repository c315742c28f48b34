"""Whether a file has changed, as far as looking at it every now and then can tell."""

from pathlib import Path

Stamp = tuple[int, int, int] | None
"""Whatever changes with a file; None while there is none."""


class Changes:
    """Those of one file, from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = self._latest = self._stamp()

    def seen(self) -> bool:
        """Whether the file is another one than when this last was true."""
        # Two looks in a row have to agree: who changes it may still be writing.
        before, self._latest = self._latest, self._stamp()
        if self._latest is None or self._latest != before or self._latest == self._known:
            return False
        self._known = self._latest
        return True

    def _stamp(self) -> Stamp:
        try:
            status = self._path.stat()
        except OSError:  # away for a moment, while another one takes its place
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

"""Changes of files that are made together, or not at all."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path


class Changes:
    """New contents of files, all known before the first one is written.

    As a context they are made, and undone when its block fails.

    Args:
        files: Contents by path; None for a file that is deleted.
        deleted: Folders that are deleted with all that is in them.
        trained: The folder that training makes, which `undo` deletes.
        locked: The file that an installation changes, which `undo` restores.
    """

    def __init__(
        self,
        files: Mapping[Path, str | None],
        deleted: Sequence[Path] = (),
        trained: Path | None = None,
        locked: Path | None = None,
    ) -> None:
        self._files = files
        self._deleted = deleted
        self._trained = trained
        self._locked = locked
        self._before: dict[Path, bytes | None] = {}
        self._made: list[Path] = []

    @property
    def paths(self) -> list[Path]:
        """What was written, made or deleted, once that is done."""
        written = [
            path
            for path, content in self._files.items()
            if content is None or content.encode() != self._before.get(path)
        ]
        trained = [self._trained] if self._trained else []
        return sorted([*written, *self._deleted, *trained])

    def __enter__(self) -> None:
        self.make()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.undo()

    def make(self) -> None:
        """Write and delete.

        Raises:
            OSError: A file cannot be written; nothing was changed.
        """
        if self._locked:
            self._remember(self._locked)
        try:
            for path, content in self._files.items():
                self._remember(path)
                if content is None:
                    path.unlink(missing_ok=True)
                else:
                    self._make_folder(path.parent)
                    path.write_text(content, encoding="utf-8")
        except OSError:
            self.undo()
            raise
        for folder in self._deleted:
            shutil.rmtree(folder)

    def undo(self) -> None:
        """Put back what files were, and delete the folders that were made."""
        for path, before in self._before.items():
            if before is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(before)
        for folder in [*self._made, *([self._trained] if self._trained else [])]:
            shutil.rmtree(folder, ignore_errors=True)

    def _remember(self, path: Path) -> None:
        self._before[path] = path.read_bytes() if path.exists() else None

    def _make_folder(self, folder: Path) -> None:
        if not folder.exists():
            self._make_folder(folder.parent)
            folder.mkdir()
            self._made.append(folder)

"""Models in a folder, such as the one that comes with the project. Laid out as `layout.py` says."""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import unquote
from uuid import uuid4

from servekit.registry.errors import ModelStoreError
from servekit.registry.version_files import ModelFiles, bytes_of, verified

from .layout import (
    ALIASES,
    MANIFEST,
    check_names,
    in_order,
    is_name,
    json_bytes,
    moved,
    read_aliases,
)
from .source import SourceKind

_SCHEME = re.compile(r"file:", re.IGNORECASE)


def store_folder(store_url: str) -> Path:
    """The folder that `file:relative/path` or `file:///absolute/path` means.

    Raises ModelStoreError for every other URL.
    """
    path = _SCHEME.sub("", store_url, count=1)
    if path.startswith("//"):
        path = path.removeprefix("//").removeprefix("localhost")
        if not path.startswith("/"):
            raise ModelStoreError(
                f"The model store {store_url!r} names a host: an absolute path takes three slashes."
            )
    if not path:
        raise ModelStoreError(f"The model store {store_url!r} names no folder.")
    return Path(unquote(path)).absolute()


class FolderSource:
    """A ModelSource below a folder; a version there is loaded where it lies."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._folder = store_folder(url)
        self._timeout_s = timeout_s

    def aliases(self, name: str) -> Mapping[str, str]:
        path = self._model(name) / ALIASES
        return read_aliases(bytes_of(path), path) if path.exists() else {}

    def versions(self, name: str) -> Sequence[str]:
        model = self._model(name)
        try:
            folders = [folder for folder in model.iterdir() if (folder / MANIFEST).is_file()]
        except OSError as error:
            raise ModelStoreError(f"{model} cannot be read: {error.strerror or error}.") from error
        return in_order(folder.name for folder in folders if is_name(folder.name))

    def fetch(self, name: str, version: str, into: Path, files: Sequence[str] = ()) -> Path:
        check_names(version=version)
        folder = self._model(name) / version
        if not _is_folder(folder):
            raise ModelStoreError(f"There is no version {name}:{version} at {folder}.")
        return folder

    def move_alias(self, name: str, alias: str, version: str, before: str | None) -> None:
        check_names(alias=alias, version=version)
        folder = self._model(name)
        with _changing(folder, self._timeout_s):
            aliases = moved(self.aliases(name), alias, version, before, folder / ALIASES)
            # Written beside and renamed: a reader finds the old file or the new one.
            unfinished = folder / f".{ALIASES}.unfinished"
            unfinished.write_bytes(json_bytes(aliases))
            unfinished.replace(folder / ALIASES)

    def publish(self, name: str, version: str, folder: Path) -> None:
        check_names(model=name, version=version)
        files = verified(folder, name, version)
        model = self._folder / name
        try:
            model.mkdir(parents=True, exist_ok=True)
            with _changing(model, self._timeout_s):
                _publish(files, model / version)
        except OSError as error:
            raise _unwritable(model, error) from error

    def _model(self, name: str) -> Path:
        check_names(model=name)
        folder = self._folder / name
        if not _is_folder(folder):
            raise ModelStoreError(f"There is no model {name!r} at {folder}.")
        return folder


folder = SourceKind(("file",), FolderSource)


def _publish(files: ModelFiles, target: Path) -> None:
    if target.exists():
        if bytes_of(target / MANIFEST) == bytes_of(files.folder / MANIFEST):
            verified(target, files.name, files.version)
            return
        raise ModelStoreError(
            f"{files.reference} is at {target} already, with other content: a version never"
            " changes, so publish under another one."
        )
    unfinished = target.with_name(f".{target.name}.{uuid4().hex}.unfinished")
    try:
        for file in (*files.manifest["files"], MANIFEST):
            copy = unfinished / file
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(files.folder / file, copy)
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


@contextmanager
def _changing(folder: Path, timeout_s: float) -> Iterator[None]:
    """Lock the model against other processes of this machine."""
    until = monotonic() + timeout_s
    try:
        # The folder itself is locked, so that no lock is left in the store.
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            while not _locked(descriptor):
                if monotonic() > until:
                    raise ModelStoreError(f"Another process keeps {folder} locked.")
                sleep(0.02)
            yield
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unwritable(folder: Path, error: OSError) -> ModelStoreError:
    return ModelStoreError(f"{folder} cannot be changed: {error.strerror or error}.")


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False

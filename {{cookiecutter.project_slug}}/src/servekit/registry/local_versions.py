"""A cache of fetched versions on this machine.

<cache>/<digest of the store's URL>/<name>/verified.json   {"champion": "1"}
<cache>/<digest of the store's URL>/<name>/<version>/      manifest.json and the files it names
<cache>/<digest of the store's URL>/<name>/.recorded/<version>.json
    the checksums of a version that has no manifest, from when it was fetched for the first time
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import time
from uuid import uuid4

from .errors import ModelCacheError, ModelStoreError
from .progress import reported
from .sources.layout import MANIFEST, is_name, json_bytes, read_aliases, read_json
from .version_files import ModelFiles, bytes_of, checksums, verified

VERIFIED = "verified.json"
RECORDED = ".recorded"

KEPT_VERSIONS = 4
"""Of each model, besides those that its aliases meant when they were last sound."""

_ABANDONED_S = 3600.0
"""What is unfinished for this long was abandoned: its process was killed."""


class VersionCache:
    """The versions of one store. Any number of processes may share the folder."""

    def __init__(self, folder: Path, store_url: str) -> None:
        self._folder = folder.absolute() / hashlib.sha256(store_url.encode()).hexdigest()[:16]

    def find(self, name: str, version: str) -> ModelFiles | None:
        """Return a cached version, verified once more; None when it is missing or damaged."""
        folder = self._folder / name / version
        try:
            if not folder.is_dir():
                return None
            files = verified(folder, name, version)
        except (ModelStoreError, OSError):
            shutil.rmtree(folder, ignore_errors=True)
            return None
        # A cache that came with an image may have another owner, or be read-only.
        with suppress(OSError):
            os.utime(folder)
        return replace(files, has_no_manifest=self._record(name, version).exists())

    def add(self, name: str, version: str, fetch: Callable[[Path], Path]) -> ModelFiles:
        """Fetch and verify a version, and cache it unless it is local already.

        A version without a manifest gets one from the checksums of its files, which are recorded:
        those of a later fetch have to be the same.

        Args:
            name: Of the model.
            version: Of the model.
            fetch: Takes an empty folder, and returns the one that holds the files.

        Raises:
            ModelStoreError: The files are not as their manifest says.
            ModelCacheError: They cannot be written to the cache.
        """
        model = self._folder / name
        unfinished = model / f".{version}.{uuid4().hex}.unfinished"
        try:
            unfinished.mkdir(parents=True)
            with reported(f"fetching {name}:{version}", unfinished):
                fetched = fetch(unfinished)
            if fetched != unfinished:
                return verified(fetched, name, version)
            _refuse_links(unfinished)
            if (unfinished / MANIFEST).exists():
                self._record(name, version).unlink(missing_ok=True)
            else:
                self._write_manifest(name, version, unfinished)
            files = self._keep(verified(unfinished, name, version))
        except OSError as error:
            raise ModelCacheError(
                f"{name}:{version} cannot be kept in {model}: {error.strerror or error}."
            ) from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
            _remove_if_empty(model, self._folder)
        self._forget_the_oldest(name)
        return files

    def _record(self, name: str, version: str) -> Path:
        return self._folder / name / RECORDED / f"{version}.json"

    def _write_manifest(self, name: str, version: str, folder: Path) -> None:
        record = self._record(name, version)
        known = read_json(bytes_of(record), record) if record.exists() else {}
        files = checksums(folder)
        for file in known.keys() & files.keys():
            if known[file] != files[file]:
                raise ModelStoreError(
                    f"{file} of {name}:{version} is not what it was when it was first fetched:"
                    " a version never changes, so save another one."
                )
        manifest = {"name": name, "version": version, "files": files}
        (folder / MANIFEST).write_bytes(json_bytes(manifest))
        record.parent.mkdir(exist_ok=True)
        unfinished = record.with_suffix(f".{uuid4().hex}.unfinished")
        unfinished.write_bytes(json_bytes({**known, **files}))
        unfinished.replace(record)

    def _keep(self, unfinished: ModelFiles) -> ModelFiles:
        name, version = unfinished.name, unfinished.version
        folder = self._folder / name / version
        try:
            unfinished.folder.rename(folder)
        except OSError:
            # Another process was faster, or the version is here with other files.
            found = self.find(name, version)
            if found and found.manifest["files"].keys() >= unfinished.manifest["files"].keys():
                return found
            self._replace(unfinished.folder, folder)
        return replace(
            unfinished, folder=folder, has_no_manifest=self._record(name, version).exists()
        )

    @staticmethod
    def _replace(unfinished: Path, folder: Path) -> None:
        before = folder.with_name(f".{folder.name}.{uuid4().hex}.unfinished")
        with suppress(FileNotFoundError):
            folder.rename(before)
        unfinished.rename(folder)
        shutil.rmtree(before, ignore_errors=True)

    def _forget_the_oldest(self, name: str) -> None:
        used = {}
        for folder in (self._folder / name).iterdir():
            try:
                used[folder] = folder.stat().st_mtime
            except OSError:
                continue  # another process removed it
        needed = self.last_good(name).values()
        versions = [
            folder
            for folder in used
            if is_name(folder.name) and folder.name not in needed and folder.is_dir()
        ]
        for folder in sorted(versions, key=used.__getitem__)[:-KEPT_VERSIONS]:
            shutil.rmtree(folder, ignore_errors=True)
        for folder, used_at in used.items():
            if folder.name.endswith(".unfinished") and time() - used_at > _ABANDONED_S:
                shutil.rmtree(folder, ignore_errors=True)

    def record_last_good(self, name: str, alias: str, version: str) -> None:
        """Record the version of an alias once it has been loaded.

        Only for cached versions: a store in a folder needs no cache.
        """
        model = self._folder / name
        aliases = self.last_good(name)
        if aliases.get(alias) == version or not (model / version / MANIFEST).is_file():
            return
        unfinished = model / f".{VERIFIED}.{uuid4().hex}.unfinished"
        try:
            unfinished.write_bytes(json_bytes({**aliases, alias: version}))
            unfinished.replace(model / VERIFIED)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise ModelCacheError(
                f"{model / VERIFIED} cannot be written: {error.strerror or error}."
            ) from error

    def last_good(self, name: str) -> dict[str, str]:
        path = self._folder / name / VERIFIED
        try:
            return read_aliases(bytes_of(path), path)
        except ModelStoreError:
            return {}


def _refuse_links(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_symlink():
            raise ModelStoreError(f"{path} is a link, which could lead out of the model.")


def _remove_if_empty(*folders: Path) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return

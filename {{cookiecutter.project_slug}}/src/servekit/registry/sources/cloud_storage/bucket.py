"""A bucket as a model source: the layout of a folder, its objects made once and never changed.

Only aliases.json is ever replaced, and only if it is still the one that was read. A manifest is
written after the files that it names, so that a version is there whole or not at all.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from obstore.store import ObjectStore

from servekit.registry.errors import ModelStoreError, StoreUnreachableError
from servekit.registry.sources.layout import (
    ALIASES,
    MANIFEST,
    check_names,
    in_order,
    is_name,
    json_bytes,
    matching,
    moved,
    read_aliases,
    read_manifest,
)
from servekit.registry.version_files import bytes_of, verified

from .objects import Objects

Result = TypeVar("Result")

ATTEMPTS = 4
"""Another alias may be moved at the same moment, which is no reason to fail."""


class CloudStorageSource:
    """A ModelSource in a bucket."""

    def __init__(self, store: ObjectStore, where: str, timeout_s: float) -> None:
        self._objects = Objects(store, where)
        self._where = where
        self._timeout_s = timeout_s

    def aliases(self, name: str) -> Mapping[str, str]:
        check_names(model=name)
        return self._in_time(self._aliases(name))

    def versions(self, name: str) -> Sequence[str]:
        check_names(model=name)
        return in_order(self._in_time(self._versions(name)))

    def fetch(self, name: str, version: str, into: Path, files: Sequence[str] = ()) -> Path:
        check_names(model=name, version=version)
        self._in_time(self._fetch(name, version, into, files))
        return into

    def move_alias(self, name: str, alias: str, version: str, before: str | None) -> None:
        check_names(model=name, alias=alias, version=version)
        self._in_time(self._move_alias(name, alias, version, before))

    def publish(self, name: str, version: str, folder: Path) -> None:
        check_names(model=name, version=version)
        self._in_time(self._publish(name, version, folder))

    def _in_time(self, work: Coroutine[Any, Any, Result]) -> Result:
        async def bounded() -> Result:
            async with asyncio.timeout(self._timeout_s):
                return await work

        # A loop of its own, in a thread of its own: the caller's may be running one.
        with ThreadPoolExecutor(max_workers=1) as thread:
            try:
                return thread.submit(asyncio.run, bounded()).result()
            except TimeoutError:
                raise StoreUnreachableError(
                    f"{self._where} did not answer within {self._timeout_s:g} seconds."
                ) from None

    async def _aliases(self, name: str) -> dict[str, str]:
        aliases = await self._written_aliases(name)
        if aliases is None:
            await self._versions(name)  # says it when there is no such model
        return aliases or {}

    async def _written_aliases(self, name: str) -> dict[str, str] | None:
        path = f"{name}/{ALIASES}"
        found = await self._objects.read(path)
        return read_aliases(found.content, self._objects.called(path)) if found else None

    async def _versions(self, name: str) -> list[str]:
        paths = [path.split("/") for path in await self._objects.below(name)]
        versions = [path[0] for path in paths if len(path) == 2 and path[1] == MANIFEST]
        # Where no version has a manifest, other programs have saved them.
        versions = versions or [*{path[0] for path in paths if len(path) > 1 and is_name(path[0])}]
        if not versions:
            raise ModelStoreError(f"There is no version of {name!r} at {self._where}.")
        return versions

    async def _fetch(self, name: str, version: str, into: Path, files: Sequence[str]) -> None:
        path = f"{name}/{version}/{MANIFEST}"
        found = await self._objects.read(path)
        sizes: dict[str, int | None]
        if found is not None:
            manifest = read_manifest(found.content, self._objects.called(path), name, version)
            sizes = {file: one["size_bytes"] for file, one in manifest["files"].items()}
        elif files:
            sizes = dict.fromkeys(await self._matching(name, version, files))
        else:
            raise self._missing(path)
        for file, size_bytes in sizes.items():
            target = into / file
            target.parent.mkdir(parents=True, exist_ok=True)
            if not await self._objects.save(f"{name}/{version}/{file}", target, size_bytes):
                raise self._missing(f"{name}/{version}/{file}")
        if found is not None:
            (into / MANIFEST).write_bytes(found.content)

    async def _matching(self, name: str, version: str, patterns: Sequence[str]) -> list[str]:
        paths = await self._objects.below(name)
        if any(path.count("/") == 1 and path.endswith(f"/{MANIFEST}") for path in paths):
            # Versions of this model are published, and this one is not, or not yet.
            raise self._missing(f"{name}/{version}/{MANIFEST}")
        inside = {path.removeprefix(f"{version}/") for path in paths if _is_in(version, path)}
        folders = {str(parent) for path in inside for parent in PurePosixPath(path).parents}
        where = self._objects.called(f"{name}/{version}")
        return matching(inside - folders, patterns, where)

    async def _move_alias(self, name: str, alias: str, version: str, before: str | None) -> None:
        path = f"{name}/{ALIASES}"
        where = self._objects.called(path)
        for _ in range(ATTEMPTS):
            found = await self._objects.read(path)
            aliases = read_aliases(found.content, where) if found else {}
            content = json_bytes(moved(aliases, alias, version, before, where))
            if await (
                self._objects.replace(path, content, found.stamp)
                if found
                else self._objects.create(path, content)
            ):
                return
        raise ModelStoreError(f"{where} keeps changing: try again.")

    async def _publish(self, name: str, version: str, folder: Path) -> None:
        files = verified(folder, name, version)
        content = bytes_of(folder / MANIFEST)
        path = f"{name}/{version}/{MANIFEST}"
        if await self._is_published(path, content):
            return
        for file, expected in files.manifest["files"].items():
            await self._upload(f"{name}/{version}/{file}", folder / file, expected["sha256"])
        if not await self._objects.create(path, content):
            await self._is_published(path, content)

    async def _is_published(self, path: str, content: bytes) -> bool:
        found = await self._objects.read(path)
        if found and found.content != content:
            raise ModelStoreError(
                f"{self._objects.called(path)} already exists, with other content: a version"
                " never changes, so publish under another one."
            )
        return found is not None

    async def _upload(self, path: str, file: Path, sha256: str) -> None:
        if await self._objects.create(path, file):
            return
        # From an upload that did not finish, or one that goes on at this moment.
        if await self._objects.sha256(path) != sha256:
            raise ModelStoreError(
                f"{self._objects.called(path)} already exists, from a version that was not"
                " finished: delete it, or publish under another version."
            )

    def _missing(self, path: str) -> ModelStoreError:
        return ModelStoreError(f"There is no {self._objects.called(path)}.")


def _is_in(folder: str, path: str) -> bool:
    return path.startswith(f"{folder}/")


class WebSource(CloudStorageSource):
    """An address of the web: laid out like a bucket, and changed where its files come from."""

    async def _versions(self, name: str) -> list[str]:
        # Web servers do not list what they have.
        aliases = await self._written_aliases(name)
        if aliases is None:
            raise self._missing(f"{name}/{ALIASES}")
        return [*{*aliases.values()}]

    async def _matching(self, name: str, version: str, patterns: Sequence[str]) -> list[str]:
        return matching(patterns, patterns, self._objects.called(f"{name}/{version}"))

    async def _move_alias(self, name: str, alias: str, version: str, before: str | None) -> None:
        raise self._only_read()

    async def _publish(self, name: str, version: str, folder: Path) -> None:
        raise self._only_read()

    def _only_read(self) -> ModelStoreError:
        return ModelStoreError(
            f"{self._where} can only be read: promote and publish where its files come from."
        )

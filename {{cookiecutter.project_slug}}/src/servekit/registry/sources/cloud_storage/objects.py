"""Reads and writes the objects of a bucket, and translates its errors."""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PreconditionError,
)
from obstore.store import ObjectStore

from servekit.registry.errors import ModelStoreError, StoreUnreachableError
from servekit.registry.sources.layout import check_size

PIECE_BYTES = 1 << 20

_STATUS = re.compile(r"non-2xx status code: (4\d\d)")
_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
_FORBIDDEN, _PASSING = {"401", "403"}, {"408", "429"}


class Found(NamedTuple):
    """An object as it was read.

    stamp: what a later write has to find unchanged: an ETag, or Google's generation.
    """

    content: bytes
    stamp: Any


class Objects:
    """Reads and writes objects, with the errors of the registry.

    Every method raises StoreUnreachableError when there is no answer, and ModelStoreError when
    the answer is that one may not.
    """

    def __init__(self, store: ObjectStore, where: str) -> None:
        self._store = store
        self._where = where

    def called(self, path: str) -> str:
        """What messages call an object."""
        return f"{self._where}/{path}"

    async def read(self, path: str) -> Found | None:
        """A small object whole, or None when there is none."""
        with self._understood(path):
            try:
                answer = await obstore.get_async(self._store, path)
            except FileNotFoundError:
                return None
            check_size(answer.meta["size"], None, self.called(path))
            stamp = {key: answer.meta[key] for key in ("e_tag", "version") if answer.meta[key]}
            return Found(bytes(await answer.bytes_async()), stamp)

    async def save(self, path: str, file: Path, size_bytes: int | None = None) -> bool:
        """Write an object to a file, piece by piece. False when there is no such object.

        size_bytes: announced for it; nothing is written when it has another size.
        """
        with file.open("wb") as target:
            return await self._pass_on(path, target.write, size_bytes)

    async def sha256(self, path: str) -> str:
        """The checksum of an object, in hexadecimal; of nothing, when there is no such object."""
        digest = hashlib.sha256()
        await self._pass_on(path, digest.update)
        return digest.hexdigest()

    async def _pass_on(
        self, path: str, take: Callable[[bytes], object], size_bytes: int | None = None
    ) -> bool:
        with self._understood(path):
            try:
                answer = await obstore.get_async(self._store, path)
            except FileNotFoundError:
                return False
            if size_bytes is not None:
                check_size(answer.meta["size"], size_bytes, self.called(path))
            async for piece in answer.stream(min_chunk_size=PIECE_BYTES):
                take(piece)
            return True

    async def create(self, path: str, content: bytes | Path) -> bool:
        """Make an object. False when there is one, which stays as it is."""
        with self._understood(path):
            try:
                await obstore.put_async(self._store, path, content, mode="create")
            except AlreadyExistsError:
                return False
            except FileNotFoundError:
                raise ModelStoreError(f"There is no {self._where} to write to.") from None
            return True

    async def replace(self, path: str, content: bytes, stamp: Any) -> bool:
        """Change an object. False when it is no longer the one that was read."""
        with self._understood(path):
            try:
                await obstore.put_async(self._store, path, content, mode=stamp)
            except (PreconditionError, FileNotFoundError):
                return False
            return True

    async def below(self, prefix: str) -> list[str]:
        """The paths of all objects below a prefix, without it."""
        with self._understood(prefix):
            listing = obstore.list(self._store, prefix)
            paths = [item["path"] async for page in listing for item in page]
        return [path.removeprefix(f"{prefix}/") for path in paths]

    @contextmanager
    def _understood(self, path: str) -> Iterator[None]:
        try:
            yield
        except BaseError as error:
            # Not the error itself: it quotes addresses, which may be signed ones.
            raise _meaning(str(error), self.called(path)) from None
        except Exception as error:
            # The client panics over keys and addresses that no header and no URL can hold, such
            # as a key with the end of a line. Its class cannot be imported.
            if type(error).__name__ != "RustPanic":
                raise
            raise ModelStoreError(
                f"{self.called(path)} cannot be asked for: a variable of its provider is malformed."
            ) from None


def _meaning(said: str, where: str) -> ModelStoreError:
    status = _STATUS.search(said)
    if status and status[1] in _FORBIDDEN:
        return ModelStoreError(f"{where} is refused: these credentials do not allow it.")
    if status and status[1] not in _PASSING:
        code = _CODE.search(said)
        reason = f" ({code[1]})" if code else ""
        return ModelStoreError(f"{where} is refused with status {status[1]}{reason}.")
    if "builder error" in said:
        return ModelStoreError(f"{where} is to be asked over plain HTTP, which is not allowed.")
    if "redirect" in said:
        return ModelStoreError(f"{where} is in another region than the one that was named.")
    return StoreUnreachableError(f"{where} cannot be reached.")

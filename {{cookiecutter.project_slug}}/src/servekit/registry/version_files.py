"""The files of one version of a model, verified before they are loaded."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from .errors import ModelStoreError
from .sources.layout import MANIFEST, check_file, check_size, json_bytes, read_manifest

CHUNK_BYTES = 1024 * 1024

MAX_INFLATION = 100
"""How many times as large as an archive its contents may be. Zeros shrink to a thousandth."""


@dataclass(frozen=True)
class ModelFiles:
    """The verified files of one version of a model."""

    name: str
    version: str
    folder: Path
    manifest: Mapping[str, Any]
    has_no_manifest: bool = False
    """Whether the version has none where it comes from, and this one was recorded here."""

    @property
    def reference(self) -> str:
        return f"{self.name}:{self.version}"

    def path(self, file: str) -> Path:
        """Where a file lies. Raises ModelStoreError when the manifest does not vouch for it."""
        if file not in self.manifest["files"]:
            raise ModelStoreError(f"{self.folder / MANIFEST} names no file {file!r}.")
        return self.folder / file


def verified(folder: Path, name: str, version: str) -> ModelFiles:
    """The files in this folder.

    Raises ModelStoreError when one of them is not as the manifest says.
    """
    path = folder / MANIFEST
    manifest = read_manifest(bytes_of(path), path, name, version)
    for file, expected in manifest["files"].items():
        _verify(folder / file, expected)
    return ModelFiles(name, version, folder, manifest)


def write_version(
    folder: Path,
    name: str,
    version: str,
    files: Mapping[str, bytes | Path],
    facts: Mapping[str, Any],
) -> None:
    """Make a folder a version that a store can take.

    Args:
        folder: An empty one, for the files and their manifest.
        name: Of the model.
        version: Of these files.
        files: By path from the folder, contents, or where a file lies that is copied.
        facts: What else the manifest says, as JSON values.

    Raises:
        ModelStoreError: A path leads elsewhere, is that of a pickle, or cannot be read.
    """
    written: dict[str, dict[str, Any]] = {}
    for file, content in files.items():
        check_file(file, f"the version {name}:{version}")
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        with _opened(content) as source, target.open("wb") as copy:
            written[file] = _copied(source, copy)
    manifest = {"name": name, "version": version, **facts, "files": written}
    (folder / MANIFEST).write_bytes(json_bytes(manifest))


def checksums(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what a manifest says of the files in a folder, by path."""
    files: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                files[path.relative_to(folder).as_posix()] = {
                    "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
                    "size_bytes": path.stat().st_size,
                }
    return files


def _opened(content: bytes | Path) -> BinaryIO:
    if isinstance(content, bytes):
        return io.BytesIO(content)
    try:
        return content.open("rb")
    except OSError as error:
        raise _unreadable(content, error) from error


def _copied(source: BinaryIO, copy: BinaryIO) -> dict[str, Any]:
    """Copy a file of any size; return what the manifest says of it."""
    digest, size_bytes = hashlib.sha256(), 0
    while chunk := source.read(CHUNK_BYTES):
        digest.update(chunk)
        size_bytes += copy.write(chunk)
    return {"sha256": digest.hexdigest(), "size_bytes": size_bytes}


def bytes_of(path: Path, *, is_json: bool = True) -> bytes:
    """Read a file whole.

    Args:
        path: Of the file.
        is_json: Whether it is a manifest or says what aliases mean; these are small.

    Raises:
        ModelStoreError: It cannot be read, or is too large for JSON of the model store.
    """
    try:
        if is_json:
            check_size(path.stat().st_size, None, path)
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> ModelStoreError:
    return ModelStoreError(f"{path} cannot be read: {error.strerror or error}.")


def _verify(path: Path, expected: Mapping[str, Any]) -> None:
    try:
        check_size(path.stat().st_size, expected["size_bytes"], path)
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error
    if sha256 != expected["sha256"]:
        raise ModelStoreError(f"{path} has another sha256 than its manifest says.")
    _check_inflation(path)


def _check_inflation(path: Path) -> None:
    """Refuse an archive, such as an .npz file, that would fill the memory when it is read."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            inflated_bytes = sum(one.file_size for one in archive.infolist())
    except (OSError, zipfile.BadZipFile):
        return  # which is for whatever reads it to say
    except (NotImplementedError, ValueError) as error:
        raise ModelStoreError(f"{path} is an archive that cannot be read: {error}.") from error
    if inflated_bytes > MAX_INFLATION * path.stat().st_size:
        raise ModelStoreError(
            f"{path} would inflate to {inflated_bytes} bytes, more than {MAX_INFLATION} times its"
            " size: save it without compression."
        )

"""The files of one version of a model, verified before they are loaded."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ModelStoreError
from .sources.layout import MANIFEST, json_bytes, read_manifest


@dataclass(frozen=True)
class ModelFiles:
    """The verified files of one version of a model."""

    name: str
    version: str
    folder: Path
    manifest: Mapping[str, Any]

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
    files: Mapping[str, bytes],
    facts: Mapping[str, Any],
) -> None:
    """Make a folder a version that a store can take.

    Args:
        folder: An empty one, for the files and their manifest.
        name: Of the model.
        version: Of these files.
        files: Their contents, by name.
        facts: What else the manifest says, as JSON values.
    """
    manifest = {
        "name": name,
        "version": version,
        **facts,
        "files": {
            file: {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
            for file, content in files.items()
        },
    }
    for file, content in files.items():
        (folder / file).write_bytes(content)
    (folder / MANIFEST).write_bytes(json_bytes(manifest))


def bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelStoreError(f"{path} cannot be read: {error.strerror or error}.") from error


def _verify(path: Path, expected: Mapping[str, Any]) -> None:
    try:
        size_bytes = path.stat().st_size
        if size_bytes != expected["size_bytes"]:
            raise ModelStoreError(
                f"{path} has {size_bytes} bytes where its manifest says {expected['size_bytes']}."
            )
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelStoreError(f"{path} cannot be read: {error.strerror or error}.") from error
    if sha256 != expected["sha256"]:
        raise ModelStoreError(f"{path} has another sha256 than its manifest says.")

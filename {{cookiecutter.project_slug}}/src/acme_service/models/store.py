"""Model files, found by reference and verified before anybody loads them.

<store>/<name>/aliases.json              {"champion": "1"}
<store>/<name>/<version>/manifest.json   names every file with its size and checksum
<store>/<name>/<version>/…               those files
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from .errors import ModelStoreError

ALIASES = "aliases.json"
MANIFEST = "manifest.json"

# No name of a model, alias, version or file can climb out of its folder.
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
_REFERENCE = re.compile(rf"(?P<name>{_NAME})(?:@(?P<alias>{_NAME})|:(?P<version>{_NAME}))")
_FILE = re.compile(rf"{_NAME}(?:/{_NAME})*")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=:)")


@dataclass(frozen=True)
class ModelFiles:
    """The verified files of one version of a model."""

    name: str
    version: str
    folder: Path
    manifest: Mapping[str, Any]

    def path(self, file: str) -> Path:
        """Where a file lies. Raises ModelStoreError when the manifest does not vouch for it."""
        if file not in self.manifest["files"]:
            raise ModelStoreError(f"{self.folder / MANIFEST} names no file {file!r}.")
        return self.folder / file


def store_folder(store_url: str) -> Path:
    """The folder that `file:relative/path` or `file:///absolute/path` means.

    Raises ModelStoreError for every other URL.
    """
    scheme = _SCHEME.match(store_url)
    if not scheme:
        raise ModelStoreError(
            f"The model store {store_url!r} is no URL: a folder is written file:{store_url}."
        )
    if scheme[0].lower() != "file":
        # The rest of the URL is left out: it may hold credentials.
        raise ModelStoreError(f"A model store at {scheme[0]}: is not supported, only file: is.")
    path = store_url[len("file:") :]
    if path.startswith("//"):
        path = path.removeprefix("//").removeprefix("localhost")
        if not path.startswith("/"):
            raise ModelStoreError(
                f"The model store {store_url!r} names a host: an absolute path takes three slashes."
            )
    if not path:
        raise ModelStoreError(f"The model store {store_url!r} names no folder.")
    return Path(unquote(path)).absolute()


def open_model(store_url: str, reference: str) -> ModelFiles:
    """The files of a model, every one of them verified.

    store_url: `file:relative/path` or `file:///absolute/path`.
    reference: `name@alias`, such as `language@champion`, or `name:version`.

    Raises ModelStoreError when the model is not there, or not as its manifest says.
    """
    match = _REFERENCE.fullmatch(reference)
    if not match:
        raise ModelStoreError(
            f"The model reference {reference!r} is neither name@alias nor name:version."
        )
    model_folder = store_folder(store_url) / match["name"]
    if not _is_folder(model_folder):
        raise ModelStoreError(f"There is no model {match['name']!r} at {model_folder}.")
    version = match["version"] or _version_of(model_folder / ALIASES, match["alias"])
    folder = model_folder / version
    if not _is_folder(folder):
        raise ModelStoreError(f"The model reference {reference!r} has no files at {folder}.")
    manifest = _read_manifest(folder / MANIFEST, match["name"], version)
    for file, expected in manifest["files"].items():
        _verify(folder / file, expected)
    return ModelFiles(match["name"], version, folder, manifest)


def _version_of(path: Path, alias: str) -> str:
    version = _read_json(path).get(alias)
    if version is None:
        raise ModelStoreError(f"{path} has no alias {alias!r}.")
    if not isinstance(version, str) or not re.fullmatch(_NAME, version):
        raise ModelStoreError(f"{path} gives the alias {alias!r} something that is no version.")
    return version


def _read_manifest(path: Path, name: str, version: str) -> dict[str, Any]:
    manifest = _read_json(path)
    if (manifest.get("name"), manifest.get("version")) != (name, version):
        raise ModelStoreError(f"{path} is not about {name}:{version}.")
    files = manifest.get("files")
    if not isinstance(files, dict) or not files:
        raise ModelStoreError(f"{path} lists no files.")
    for file, expected in files.items():
        if not _FILE.fullmatch(file):
            raise ModelStoreError(f"{path} names {file!r}, which is no path inside the model.")
        if not isinstance(expected, dict) or not {"sha256", "size_bytes"} <= expected.keys():
            raise ModelStoreError(f"{path} gives no sha256 and size_bytes for {file!r}.")
    return manifest


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


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise ModelStoreError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise ModelStoreError(f"{path} is no valid JSON.") from error
    if not isinstance(content, dict):
        raise ModelStoreError(f"{path} holds no JSON object.")
    return content

"""Versions of models, made for a test."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from servekit.registry.golden import GOLDEN
from servekit.registry.sources.folder import FolderSource
from servekit.registry.version_files import write_version

from acme_service.models.training.__main__ import train

from .processes import PROJECT


def fill(store: Path) -> Path:
    """A store with version 1, which is the champion, and version 2.

    Neither ever changes, so they come from the project's own store, whose aliases and other
    versions are its operator's. One that is gone from there is trained again, to the same bytes.
    """
    folders = [Path("language") / version for version in ("1", "2")]
    there = [folder for folder in folders if (PROJECT / "model_store" / folder).exists()]
    for folder in there:
        shutil.copytree(PROJECT / "model_store" / folder, store / folder)
    source = FolderSource(store.as_uri(), 5)
    if there != folders:
        train(source)
    else:
        source.move_alias("language", "champion", "1", None)
    return store


_FOLDER = TemporaryDirectory(prefix="models")
STORE = fill(Path(_FOLDER.name) / "model_store")
"""The tests' own, which is where they find the models. One that changes something copies it."""


def publish(
    store: Path,
    name: str,
    version: str,
    files: Mapping[str, bytes],
    facts: Mapping[str, Any] | None = None,
) -> Path:
    """The folder of the version, in place of one that a test published before."""
    with TemporaryDirectory() as scratch:
        write_version(Path(scratch), name, version, files, facts or {})
        shutil.rmtree(store / name / version, ignore_errors=True)
        FolderSource(store.as_uri(), 5).publish(name, version, Path(scratch))
    return store / name / version


def publish_copy(store: Path, version: str, of: str, examples: bytes | None = None) -> Path:
    """A version of the language model that is another one but for its name, or its examples."""
    folder = STORE / "language" / of
    manifest = json.loads((folder / "manifest.json").read_text())
    files = {file: (folder / file).read_bytes() for file in manifest["files"]}
    if examples is not None:
        files[GOLDEN] = examples
    named = {"name", "version", "files"}
    facts = {key: value for key, value in manifest.items() if key not in named}
    return publish(store, "language", version, files, facts)


def damage(path: Path) -> None:
    """Change one byte in the middle, and nothing else."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

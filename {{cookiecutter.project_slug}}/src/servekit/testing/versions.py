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


def publish_copy(model: Path, version: str, of: str, examples: bytes | None = None) -> Path:
    """A version of the model in this folder that is another one but for its name, or its examples.

    Args:
        model: The folder of the model in its store.
        version: What the new one is called.
        of: The one that it is a copy of.
        examples: Golden examples in place of those that it has.
    """
    manifest = json.loads((model / of / "manifest.json").read_text())
    files = {file: (model / of / file).read_bytes() for file in manifest["files"]}
    if examples is not None:
        files[GOLDEN] = examples
    named = {"name", "version", "files"}
    facts = {key: value for key, value in manifest.items() if key not in named}
    return publish(model.parent, model.name, version, files, facts)


def damage(path: Path) -> None:
    """Change one byte in the middle, and nothing else."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

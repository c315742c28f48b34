"""Puts a trained model into the store, whole or not at all."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acme_service.models.store import ALIASES, MANIFEST


def publish(
    store: Path,
    name: str,
    version: str,
    files: Mapping[str, bytes],
    facts: Mapping[str, Any],
) -> Path:
    """The folder of the version, now holding these files and their manifest.

    facts: what else the manifest says, as JSON values.
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
    folder = store / name / version
    unfinished = folder.with_name(f".{version}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for file, content in files.items():
        (unfinished / file).write_bytes(content)
    (unfinished / MANIFEST).write_bytes(_json_bytes(manifest))
    _move(unfinished, folder)
    return folder


def name_champion(store: Path, name: str, version: str) -> None:
    """Make this version the champion, unless the model has aliases already."""
    aliases = store / name / ALIASES
    if not aliases.exists():
        unfinished = aliases.with_name(f".{ALIASES}.unfinished")
        unfinished.write_bytes(_json_bytes({"champion": version}))
        unfinished.replace(aliases)


def _move(source: Path, target: Path) -> None:
    # A folder cannot replace another in one step. A reader that comes in between finds no
    # model, which is an error, but never half of one.
    replaced = target.with_name(f".{target.name}.replaced")
    shutil.rmtree(replaced, ignore_errors=True)
    if target.exists():
        target.rename(replaced)
    source.rename(target)
    shutil.rmtree(replaced, ignore_errors=True)


def _json_bytes(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()

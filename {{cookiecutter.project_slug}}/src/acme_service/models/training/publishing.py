"""Makes a trained model a version that a store can take."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from servekit.registry.sources.layout import MANIFEST, json_bytes


def write_version(
    folder: Path,
    name: str,
    version: str,
    files: Mapping[str, bytes],
    facts: Mapping[str, Any],
) -> None:
    """Put the files and their manifest into an empty folder.

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
    for file, content in files.items():
        (folder / file).write_bytes(content)
    (folder / MANIFEST).write_bytes(json_bytes(manifest))

"""What training is given, and how its result becomes a version that a store can take."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .sources.layout import MANIFEST, json_bytes
from .sources.source import ModelSource


class TrainingError(Exception):
    """Training cannot go on. The message is one sentence that says what to do."""


@dataclass(frozen=True)
class Training:
    """One run of training, as `make train` asks for it.

    Attributes:
        store: Where versions are published.
        corrections: A file of JSON lines to learn from, if any.
        version: The version to publish; empty for the trainer's own choice.
    """

    store: ModelSource
    corrections: Path | None = None
    version: str = ""

    def publish(
        self, name: str, version: str, files: Mapping[str, bytes], facts: Mapping[str, Any]
    ) -> None:
        """Publish a version.

        Args:
            name: Of the model.
            version: Its version.
            files: Their contents by name.
            facts: What else the manifest says, as JSON values.

        Raises:
            ModelStoreError: The store holds this version with other content.
        """
        with TemporaryDirectory() as scratch:
            write_version(Path(scratch), name, version, files, facts)
            self.store.publish(name, version, Path(scratch))


def write_version(
    folder: Path, name: str, version: str, files: Mapping[str, bytes], facts: Mapping[str, Any]
) -> None:
    """Put files and their manifest into an empty folder.

    Args:
        folder: Where to.
        name: Of the model.
        version: Its version.
        files: Their contents by name.
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

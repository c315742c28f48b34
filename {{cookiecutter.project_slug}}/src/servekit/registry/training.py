"""What training is given, and how its result becomes a version that a store can take."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .sources.source import ModelSource
from .version_files import write_version


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

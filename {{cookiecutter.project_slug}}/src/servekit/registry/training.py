"""What training is given, and how its result becomes a version that a store can take."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .errors import ModelStoreError, StoreUnreachableError
from .progress import reported
from .sources.layout import CHAMPION
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
        source: A file to publish, of a model that was made elsewhere.
        published: The references of what was published.
    """

    store: ModelSource
    corrections: Path | None = None
    version: str = ""
    source: Path | None = None
    published: list[str] = field(default_factory=list)

    def publish(
        self, name: str, version: str, files: Mapping[str, bytes | Path], facts: Mapping[str, Any]
    ) -> None:
        """Publish a version; the first one of a model becomes its champion.

        Args:
            name: Of the model.
            version: Its version.
            files: By path, contents, or where a file lies that is copied.
            facts: What else the manifest says, as JSON values.

        Raises:
            ModelStoreError: The store holds this version with other content.
        """
        with TemporaryDirectory() as scratch:
            with reported(f"copying {name}:{version}", Path(scratch)):
                write_version(Path(scratch), name, version, files, facts)
            self.store.publish(name, version, Path(scratch))
        if CHAMPION not in self.store.aliases(name):
            self.store.move_alias(name, CHAMPION, version, None)
        self.published.append(f"{name}:{version}")

    def publish_next(
        self, name: str, files: Mapping[str, bytes | Path], facts: Mapping[str, Any]
    ) -> None:
        """Publish the wanted version, or else the one after the highest number in the store.

        Args:
            name: Of the model.
            files: By path, contents, or where a file lies that is copied.
            facts: What else the manifest says, as JSON values.

        Raises:
            ModelStoreError: The store holds the wanted version with other content.
        """
        self.publish(name, self.version or self._next(name), files, facts)

    def _next(self, name: str) -> str:
        try:
            versions = self.store.versions(name)
        except StoreUnreachableError:
            raise
        except ModelStoreError:
            versions = ()  # the store does not know the model yet
        return str(max([int(one) for one in versions if one.isdecimal()], default=0) + 1)

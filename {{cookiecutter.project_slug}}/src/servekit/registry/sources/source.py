"""The interface of model sources, and how one is chosen."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol


class ModelSource(Protocol):
    """A place that keeps versions of models.

    Every method raises ModelStoreError, and StoreUnreachableError when the place does not answer;
    none waits for longer than the timeout that the source was opened with.
    """

    def aliases(self, name: str) -> Mapping[str, str]:
        """Which version each alias of a model means, such as {"champion": "1"}."""
        ...

    def versions(self, name: str) -> Sequence[str]:
        """Every version of a model, oldest first."""
        ...

    def fetch(self, name: str, version: str, into: Path, files: Sequence[str] = ()) -> Path:
        """The folder that holds manifest.json and the files it names, unverified.

        into: an empty folder for them. A source that is a folder itself gives its own instead.
        files: patterns of what to take from a version without a manifest, such as one that
            another program has saved; there is no manifest then. None of them: it is refused.
        """
        ...

    def move_alias(self, name: str, alias: str, version: str, before: str | None) -> None:
        """Let an alias mean another version.

        before: what it means so far. When it means something else by now, another process was
            faster, and ModelStoreError is raised.
        """
        ...

    def publish(self, name: str, version: str, folder: Path) -> None:
        """Take manifest.json and all files beside it as a version, whole or not at all."""
        ...


class SourceKind(NamedTuple):
    """A kind of place, chosen by the scheme of `MODEL_STORE`.

    open: takes the whole URL and the seconds that one call may take; a function of a module,
        because it travels to the replicas by name. Raises ModelStoreError for a URL that it
        cannot use, without showing credentials that are in it.
    """

    schemes: tuple[str, ...]
    open: Callable[[str, float], ModelSource]

"""Models in a folder, such as the one that comes with the project.

<store>/<name>/aliases.json   {"champion": "1"}
<store>/<name>/<version>/     manifest.json and the files that it names
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from acme_service.models.store import store_folder

from .source import SourceKind


class FolderSource:
    def __init__(self, url: str, timeout_s: float) -> None:
        self._folder = store_folder(url)

    def aliases(self, name: str) -> Mapping[str, str]:
        raise NotImplementedError

    def versions(self, name: str) -> Sequence[str]:
        raise NotImplementedError

    def fetch(self, name: str, version: str, into: Path) -> Path:
        return self._folder / name / version

    def move_alias(self, name: str, alias: str, version: str, before: str | None) -> None:
        raise NotImplementedError

    def publish(self, name: str, version: str, folder: Path) -> None:
        raise NotImplementedError


folder = SourceKind(("file",), FolderSource)

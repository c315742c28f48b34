"""A store in another place, as far as the service can tell."""

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from servekit.registry.errors import StoreUnreachableError
from servekit.registry.sources.folder import FolderSource
from servekit.registry.sources.source import SourceKind


class Registry:
    """A ModelSource that copies what it is asked for, and notes who asked.

    down: it cannot be reached. stuck_s: each answer takes so long, and fetch_s files besides.
    cut: files arrive cut short.
    """

    def __init__(self, folder: Path) -> None:
        self._inner = FolderSource(folder.as_uri(), 5)
        self.calls: list[str] = []
        self.down = False
        self.stuck_s = self.fetch_s = 0.0
        self.cut = False

    @property
    def kind(self) -> SourceKind:
        return SourceKind(("registry",), lambda url, timeout_s: self)

    def aliases(self, name: str) -> Mapping[str, str]:
        self._begin("aliases")
        return self._inner.aliases(name)

    def versions(self, name: str) -> Sequence[str]:
        self._begin("versions")
        return self._inner.versions(name)

    def fetch(self, name: str, version: str, into: Path, files: Sequence[str] = ()) -> Path:
        self._begin(f"fetch {version}")
        time.sleep(self.fetch_s)
        for file in self._inner.fetch(name, version, into).iterdir():
            shutil.copyfile(file, into / file.name)
        if self.cut:
            file = into / "model.npz"
            file.write_bytes(file.read_bytes()[:1000])
        return into

    def move_alias(self, name: str, alias: str, version: str, before: str | None) -> None:
        self._begin("move_alias")
        self._inner.move_alias(name, alias, version, before)

    def publish(self, name: str, version: str, folder: Path) -> None:
        self._begin("publish")
        self._inner.publish(name, version, folder)

    def _begin(self, call: str) -> None:
        self.calls.append(call)
        if self.down:
            raise StoreUnreachableError("The registry cannot be reached.")
        time.sleep(self.stuck_s)

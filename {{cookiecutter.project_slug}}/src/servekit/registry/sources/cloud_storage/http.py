"""An address of the web as a model source: laid out like a bucket, and there to be read alone."""

from pathlib import Path

from servekit.registry.errors import ModelStoreError
from servekit.registry.sources.layout import ALIASES

from .bucket import CloudStorageSource


class WebSource(CloudStorageSource):
    """A ModelSource that is changed where its files come from."""

    async def _versions(self, name: str) -> list[str]:
        # Web servers do not list what they have.
        aliases = await self._written_aliases(name)
        if aliases is None:
            raise self._missing(f"{name}/{ALIASES}")
        return [*{*aliases.values()}]

    async def _move_alias(self, name: str, alias: str, version: str, before: str | None) -> None:
        raise self._only_read()

    async def _publish(self, name: str, version: str, folder: Path) -> None:
        raise self._only_read()

    def _only_read(self) -> ModelStoreError:
        return ModelStoreError(
            f"{self._where} can only be read: promote and publish where its files come from."
        )

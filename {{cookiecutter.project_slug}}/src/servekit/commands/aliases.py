"""List, promote and roll back versions of a model.

Running replicas poll the store: nothing here talks to them, or needs the API's settings.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from servekit import audit
from servekit.contracts import CHALLENGER
from servekit.registry.errors import ModelStoreError
from servekit.registry.settings import StoreSettings
from servekit.registry.sources.layout import CHAMPION
from servekit.registry.sources.source import SourceKind
from servekit.registry.store import shown
from servekit.registry.versions import loaded
from servekit.serving.deployment import checked_load
from servekit.serving.model import Model


class Aliases:
    """Reads and moves the aliases of a model. Each method raises ModelStoreError.

    The version before is kept under another alias, `champion-before`: every store has aliases,
    few have a history.
    """

    def __init__(self, model: Model, settings: StoreSettings, kinds: Sequence[SourceKind]) -> None:
        self._model = model
        self._name = model.name
        self._settings = settings
        self._kinds = tuple(kinds)
        self._store = settings.opened(self._kinds)

    def listed(self) -> Iterator[str]:
        """Yield a line for each version, and for each that has an alias but is missing."""
        yield f"{self._name} in {shown(self._settings.store)}"
        aliases: defaultdict[str, list[str]] = defaultdict(list)
        for alias, version in self._store.aliases(self._name).items():
            aliases[version].append(alias)
        for version in self._store.versions(self._name):
            yield f"  {version:<8} {', '.join(sorted(aliases.pop(version, [])))}".rstrip()
        for version, missed in aliases.items():
            yield f"  {version:<8} {', '.join(sorted(missed))} (missing)"

    def promote(self, alias: str, version: str) -> str:
        """Move the alias to this version, once it has passed its checks."""
        if not version:
            raise ModelStoreError("VERSION is required, e.g. `make promote VERSION=2`.")
        aliases = self._store.aliases(self._name)
        if alias not in {*aliases, CHAMPION, CHALLENGER}:
            known = " and ".join(sorted({*aliases, CHAMPION, CHALLENGER}))
            raise ModelStoreError(f"Unknown alias {alias!r}: there are {known}.")
        before = aliases.get(alias)
        if before == version:
            return f"{self._name}@{alias} is {self._name}:{version} already."
        self._check(version)
        if before:
            # First: if another process is faster now, nothing is lost but a way back.
            kept = f"{alias}-before"
            self._store.move_alias(self._name, kept, before, aliases.get(kept))
        self._store.move_alias(self._name, alias, version, before)
        self._record("promotion", alias, version, before)
        return self._moved(alias, version, before)

    def roll_back(self, alias: str) -> str:
        """Move the alias back to the version before, once that has passed its checks."""
        aliases = self._store.aliases(self._name)
        now, before = aliases.get(alias), aliases.get(f"{alias}-before")
        if before is None or before == now:
            raise ModelStoreError(
                f"{self._name}@{alias} has no version to roll back to:"
                " name one, e.g. `make promote VERSION=1`."
            )
        self._check(before)
        self._store.move_alias(self._name, alias, before, now)
        self._record("rollback", alias, before, now)
        return self._moved(alias, before, now)

    def _check(self, version: str) -> None:
        load = checked_load(self._model.contract, self._model.path)
        store = self._model.store(self._kinds, self._settings)
        loaded(load, store.open_version(self._name, version))

    def _record(self, event: str, alias: str, version: str, before: str | None) -> None:
        audit.record(
            event,
            model=self._name,
            alias=alias,
            before=f"{self._name}:{before}" if before else "",
            after=f"{self._name}:{version}",
            store=shown(self._settings.store),
            **audit.operator(),
        )

    def _moved(self, alias: str, version: str, before: str | None) -> str:
        was = f", and was {self._name}:{before}" if before else ""
        seconds = f"{self._settings.refresh_s:g} seconds"
        where = ""
        if self._settings.store.lower().startswith("file:"):
            where = (
                "\nThe store is a folder: replicas on other machines see it only where it is on a"
                " volume that they mount too."
            )
        return (
            f"{self._name}@{alias} is {self._name}:{version} now{was}."
            f" Replicas follow within {seconds}.{where}"
        )

"""`make models`, `make promote` and `make rollback`: which version of the model answers.

Running replicas look for themselves: nothing here talks to them, or needs the API's settings.
"""

import argparse
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence

from dotenv import load_dotenv

from servekit.contracts import CHALLENGER
from servekit.registry.errors import ModelStoreError
from servekit.registry.settings import StoreSettings
from servekit.registry.store import shown
from servekit.registry.versions import loaded

from acme_service.models.language import LanguageModel

from .features import sources

MODEL = "language"
CHAMPION = "champion"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Say which version of the model answers.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="list versions and aliases")
    promote = commands.add_parser("promote", help="let an alias mean a version")
    promote.add_argument("version")
    rollback = commands.add_parser("rollback", help="let an alias mean the version before")
    for command in (promote, rollback):
        command.add_argument("--alias", default=CHAMPION)
    options = parser.parse_args(arguments)

    load_dotenv(os.environ.get("ENV_FILE", ".env"))
    try:
        settings = StoreSettings.load()
        aliases = Aliases(settings)
        if options.command == "list":
            print("\n".join(aliases.listed()))
        elif options.command == "promote":
            print(aliases.promote(options.alias, options.version))
        else:
            print(aliases.roll_back(options.alias))
    except ModelStoreError as error:
        sys.exit(str(error))


class Aliases:
    """What the aliases of the language model mean. Each method raises ModelStoreError.

    What an alias meant before is kept under another alias, `champion-before`: every store
    has aliases, few have a history.
    """

    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings
        self._store = settings.opened(tuple(sources()))

    def listed(self) -> Iterator[str]:
        """A line for each version, and for each that an alias means though it is not there."""
        yield f"{MODEL} in {shown(self._settings.store)}"
        aliases: defaultdict[str, list[str]] = defaultdict(list)
        for alias, version in self._store.aliases(MODEL).items():
            aliases[version].append(alias)
        for version in self._store.versions(MODEL):
            yield f"  {version:<8} {', '.join(sorted(aliases.pop(version, [])))}".rstrip()
        for version, missed in aliases.items():
            yield f"  {version:<8} {', '.join(sorted(missed))}, but it is not there"

    def promote(self, alias: str, version: str) -> str:
        """Let the alias mean this version, once it is found sound."""
        if not version:
            raise ModelStoreError("Which version? Say make promote VERSION=2.")
        aliases = self._store.aliases(MODEL)
        if alias not in {*aliases, CHAMPION, CHALLENGER}:
            known = " and ".join(sorted({*aliases, CHAMPION, CHALLENGER}))
            raise ModelStoreError(f"There is no alias {alias!r}: there are {known}.")
        before = aliases.get(alias)
        if before == version:
            return f"{MODEL}@{alias} is {MODEL}:{version} already."
        self._check(version)
        if before:
            # First: if somebody else is faster now, nothing is lost but a way back.
            kept = f"{alias}-before"
            self._store.move_alias(MODEL, kept, before, aliases.get(kept))
        self._store.move_alias(MODEL, alias, version, before)
        return self._moved(alias, version, before)

    def roll_back(self, alias: str) -> str:
        """Let the alias mean what it meant before, once that is found sound."""
        aliases = self._store.aliases(MODEL)
        now, before = aliases.get(alias), aliases.get(f"{alias}-before")
        if before is None or before == now:
            raise ModelStoreError(
                f"Nothing is known of what {MODEL}@{alias} meant before:"
                " name a version, make promote VERSION=…"
            )
        self._check(before)
        self._store.move_alias(MODEL, alias, before, now)
        return self._moved(alias, before, now)

    def _check(self, version: str) -> None:
        loaded(LanguageModel.load, self._store.open_version(MODEL, version))

    def _moved(self, alias: str, version: str, before: str | None) -> str:
        was = f", and was {MODEL}:{before}" if before else ""
        seconds = f"{self._settings.refresh_s:g} seconds"
        where = ""
        if self._settings.store.lower().startswith("file:"):
            where = (
                "\nThe store is a folder: only the replicas of this machine see it. Elsewhere,"
                " use a store that all share, or user_config in serve.yaml."
            )
        return (
            f"{MODEL}@{alias} is {MODEL}:{version} now{was}."
            f" Replicas follow within {seconds}.{where}"
        )


if __name__ == "__main__":
    main()

"""Commands: migrate the schema, export and purge corrections, fill in the secret of an `.env`."""

import argparse
import asyncio
import json
import logging
import os
import secrets
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from dotenv import load_dotenv

from servekit import audit
from servekit.env_text import filled, values_of
from servekit.logs import write_audit_trail
from servekit.settings import SettingsError

from .corrections import Corrections
from .database import Database, DatabaseAwayError
from .receipts import Receipts
from .routes import shown_as_json
from .settings import SECRET_BYTES, DatabaseSettings, ReceiptSettings

Result = TypeVar("Result")

TIMEOUT_S = 3600.0
"""How long a command may take."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="feedback", description="Manage corrections.")
    commands = parser.add_subparsers(required=True)
    migrating = commands.add_parser("migrate", help="bring the schema to this version")
    migrating.set_defaults(run=migrate)
    exporting = commands.add_parser("export", help="write all corrections as JSON Lines")
    exporting.add_argument("file", type=Path)
    exporting.set_defaults(run=export)
    purging = commands.add_parser("purge", help="delete corrections")
    which = purging.add_mutually_exclusive_group(required=True)
    which.add_argument("--older-than-days", type=_days)
    which.add_argument("--caller", metavar="ID", help="all of one caller: ada, key:ada")
    purging.set_defaults(run=purge)
    filling = commands.add_parser("fill", help="put a secret into a file of settings that has none")
    filling.add_argument("file", type=Path)
    filling.set_defaults(run=fill)
    options = parser.parse_args(arguments)
    # One sentence at the end says it.
    logging.disable(logging.WARNING)
    load_dotenv(os.environ.get("ENV_FILE", ".env"))
    try:
        options.run(options)
    except (SettingsError, ValueError, OSError) as error:
        sys.exit(str(error))


def _days(text: str) -> int:
    days = int(text)
    if not 0 <= days <= 36_500:
        raise ValueError
    return days


def _run(
    settings: DatabaseSettings, ask: Callable[[Database], Coroutine[Any, Any, Result]]
) -> Result:
    """Raises SystemExit with the reason when the database is away."""

    async def call() -> Result:
        patient = settings.model_copy(update={"timeout_s": TIMEOUT_S})
        database = Database(patient, "feedback")
        async with database.opened():
            try:
                return await ask(database)
            except DatabaseAwayError as error:
                sys.exit(f"{error} {database.trouble}")

    return asyncio.run(call())


def migrate(_: argparse.Namespace) -> None:
    settings = DatabaseSettings.load().model_copy(update={"migrate": True})
    _run(settings, Database.look)
    print("The schema is the one of this version.")


def _private(path: str, flags: int) -> int:
    """Open a file that only its owner may read, unless it existed already."""
    return os.open(path, flags, 0o600)


def export(options: argparse.Namespace) -> None:
    """Write what `servekit.corrections` reads."""
    corrections = _run(DatabaseSettings.load(), lambda one: Corrections(one).all())
    with open(options.file, "w", encoding="utf-8", opener=_private) as file:
        for correction in corrections:
            line = shown_as_json(correction)
            del line["request_id"]
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    print(f"{len(corrections)} corrections.")


def purge(options: argparse.Namespace) -> None:
    settings = DatabaseSettings.load()
    if options.caller is None:
        days = options.older_than_days
        count = _run(settings, lambda one: Corrections(one).delete_older(days))
    else:
        receipts = Receipts(ReceiptSettings.load().secrets, lifetime_s=0)
        owners = list(receipts.owners(options.caller))
        count = _run(settings, lambda one: Corrections(one).delete_of(owners))
    write_audit_trail()
    logging.disable(logging.NOTSET)
    which = {"older_than_days": options.older_than_days, "of": options.caller}
    audit.record("purge", **audit.operator(), **which, deleted=count)
    print(f"{count} corrections are deleted.")


def fill(options: argparse.Namespace) -> None:
    """Raises ValueError when the file has another place for it than `.env.example`."""
    path: Path = options.file
    text = path.read_text(encoding="utf-8")
    if values_of(text).get("FEEDBACK_SECRET"):
        return
    text = filled(text, "FEEDBACK_SECRET", secrets.token_urlsafe(SECRET_BYTES), path)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

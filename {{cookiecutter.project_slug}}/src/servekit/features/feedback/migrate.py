"""Migrate the schema to this version: one process does it while the others wait."""

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, column, table
from sqlalchemy.ext.asyncio import AsyncEngine

from .schema import VERSION_TABLE

log = logging.getLogger(__name__)

_FOLDER = Path(__file__).parent / "migrations"

BEGIN = {
    "sqlite": ["BEGIN IMMEDIATE"],
    # Any number will do, as long as nothing else in the database takes the same.
    "postgresql": ["BEGIN", "SELECT pg_advisory_xact_lock(7310982645101)"],
}
"""Begins a transaction that no other migration shares."""


class SchemaError(Exception):
    """The database answers, and its schema cannot be used. The message says what to do."""


class SchemaBehindError(SchemaError):
    """The schema is older than this program, and this program may not change it."""


class SeveralHeadsError(SchemaError):
    """The migrations go on from one of them in several directions."""


RENAMED = {"1": "feedback_0001"}
"""Revisions that were called otherwise before the first release."""


async def bring_up(engine: AsyncEngine, migrate: bool) -> None:
    """Return when the schema is the one of this version, or of a newer one.

    Args:
        engine: Of the database.
        migrate: Whether the schema may be changed.

    Raises:
        SchemaBehindError: It would have to be changed, and may not.
        SeveralHeadsError: No migration is the last.
    """
    async with engine.connect() as connection:
        if await connection.run_sync(_is_current):
            return
        if not migrate:
            raise SchemaBehindError("The schema is older than this version: run make migrate.")
        for statement in BEGIN[engine.dialect.name]:
            await connection.exec_driver_sql(statement)
        try:
            await connection.run_sync(upgrade)
        except BaseException:
            # Its end takes back what was begun.
            await connection.invalidate()
            raise
        await connection.exec_driver_sql("COMMIT")
    log.info("the schema of feedback was brought up to date")


def upgrade(connection: Connection) -> None:
    # Another process may have been faster, and a newer one may have gone further.
    if not _is_current(connection):
        _rename(connection)
        command.upgrade(_config(connection), "head")


def downgrade(connection: Connection, revision: str) -> None:
    command.downgrade(_config(connection), revision)


def _is_current(connection: Connection) -> bool:
    options = {"version_table": VERSION_TABLE}
    found = MigrationContext.configure(connection, opts=options).get_current_revision()
    scripts = ScriptDirectory.from_config(_config(connection))
    heads = sorted(scripts.get_heads())
    if len(heads) != 1:
        raise SeveralHeadsError(
            f"The migrations of feedback have several heads, {' and '.join(heads)}: let one of "
            "them revise the other."
        )
    if found is None or found == heads[0] or found in RENAMED:
        return found == heads[0]
    try:
        scripts.get_revision(found)
    except CommandError:
        # Migrations only add, so that a version and the one after it run side by side.
        log.warning("the schema of feedback is newer than this version")
        return True
    return False


def _rename(connection: Connection) -> None:
    versions = table(VERSION_TABLE, column("version_num"))
    if connection.dialect.has_table(connection, VERSION_TABLE):
        for old, new in RENAMED.items():
            renamed = versions.update().values(version_num=new)
            connection.execute(renamed.where(versions.c.version_num == old))


def _config(connection: Connection) -> Config:
    config = Config()
    # Percent signs would be read as references to other options.
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config

"""The database, with a deadline for each request: it answers in time, or it is away."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from .engine import engine_of
from .settings import DatabaseSettings

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Work = Callable[[AsyncConnection], Awaitable[Result]]

MAX_UNDER_WAY = 1_000
"""Requests of one replica; beyond it they are refused at once."""

MIGRATION_TIMEOUT_S = 600.0
NOTE_TIMEOUT_S = 0.5
CLOSING_TIMEOUT_S = 5.0

AWAY = "The feedback database does not answer."
NOT_READY = "The feedback database is not ready yet."
UNUSABLE = "The schema of the feedback database cannot be used."


class DatabaseAwayError(Exception):
    """The database is down, slow, locked or full. Asking again after a pause may help."""


class Database:
    """A database that no start waits for, and that is found again after a failure."""

    def __init__(self, settings: DatabaseSettings, service: str) -> None:
        self.timeout_s = settings.timeout_s
        self._settings = settings
        self._engine: AsyncEngine = engine_of(settings, service)
        self._under_way: set[asyncio.Future[Any]] = set()
        self._migration: asyncio.Task[None] | None = None
        self.trouble = ""
        """Why it is away, in the words of its driver; "" while it answers."""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Connect in the background inside the block, and disconnect after it."""
        self._begin_migration()
        try:
            yield
        finally:
            await self._close()

    async def ask(self, work: Work[Result], timeout_s: float | None = None) -> Result:
        """Return what `work` does on a connection; it may go on when this has given up.

        Raises DatabaseAwayError when that fails or takes longer than it may altogether.
        """
        if len(self._under_way) >= MAX_UNDER_WAY:
            raise DatabaseAwayError(AWAY)
        asked = asyncio.ensure_future(self._run(work))
        self._under_way.add(asked)
        asked.add_done_callback(self._done)
        try:
            # Unlike a timeout, this does not wait until what was cancelled has ended.
            await asyncio.wait({asked}, timeout=timeout_s or self.timeout_s)
        finally:
            self._abandon(asked)
        if not asked.done():
            self._notice("it did not answer in time")
            raise DatabaseAwayError(AWAY)
        if error := asked.exception():
            if not isinstance(error, self._failures()):
                raise error
            self._notice(_reason(error))
            self._look_at_the_schema_again()
            raise self._refusal(error) from None
        self._notice("")
        return asked.result()

    async def look(self) -> None:
        """Return when it answers and the schema is right. Raises DatabaseAwayError."""
        await self.ask(_nothing)

    async def note(self) -> str:
        """For operators: "" when the database answers."""
        if self._migration and not self._migration.done():
            return NOT_READY
        try:
            await self.ask(_nothing, min(NOTE_TIMEOUT_S, self.timeout_s))
        except DatabaseAwayError as error:
            return str(error)
        return ""

    async def _run(self, work: Work[Result]) -> Result:
        await self._migrated()
        async with self._engine.connect() as connection:
            return await work(connection)

    async def _migrated(self) -> None:
        """One attempt at a time, which outlives the requests that wait for it."""
        migration = self._begin_migration()
        if not migration.done():
            await asyncio.shield(migration)

    def _look_at_the_schema_again(self) -> None:
        """What comes back after a failure may be another database, or a copy from before."""
        if self._migration and self._migration.done():
            self._migration = None

    def _begin_migration(self) -> asyncio.Task[None]:
        if self._migration is None or _failed(self._migration):
            self._migration = asyncio.create_task(self._migrate())
            self._migration.add_done_callback(_look_at)
        return self._migration

    async def _migrate(self) -> None:
        async with asyncio.timeout(MIGRATION_TIMEOUT_S):
            bring_up = await asyncio.to_thread(_import_bring_up)
            await bring_up(self._engine, self._settings.migrate)

    async def _close(self) -> None:
        left = {*self._under_way, *filter(None, [self._migration])}
        # The next who opens it may have another loop.
        self._migration = None
        for task in left:
            self._abandon(task)
        if left := {task for task in left if not task.done()}:
            await asyncio.wait(left, timeout=min(self.timeout_s, CLOSING_TIMEOUT_S))
        disposing = asyncio.ensure_future(self._engine.dispose())
        await asyncio.wait({disposing}, timeout=CLOSING_TIMEOUT_S)

    def _abandon(self, task: asyncio.Future[Any]) -> None:
        # SQLite gives up in time by itself, and a connection to it that is cancelled again while
        # it is being closed stays open for ever, as would the loop.
        if self._engine.dialect.name != "sqlite":
            task.cancel()

    def _done(self, asked: asyncio.Future[Any]) -> None:
        self._under_way.discard(asked)
        _look_at(asked)

    def _failures(self) -> tuple[type[BaseException], ...]:
        from .migrate import CommandError, SchemaError

        known = (SQLAlchemyError, sqlite3.Error, OSError, CommandError, SchemaError)
        if self._engine.dialect.name == "sqlite":
            return known
        import asyncpg

        # It raises its own while it connects, where SQLAlchemy translates nothing.
        return (*known, asyncpg.PostgresError, asyncpg.InterfaceError)

    def _refusal(self, error: BaseException) -> DatabaseAwayError:
        """Tell a database with an unusable schema from one that does not answer."""
        from .migrate import CommandError, SchemaError

        is_schema = isinstance(error, CommandError | SchemaError)
        return DatabaseAwayError(UNUSABLE if is_schema else AWAY)

    def _notice(self, trouble: str) -> None:
        """Say once that it is lost, and once that it is found."""
        before, self.trouble = self.trouble, trouble
        if trouble and not before:
            log.warning("the feedback database is away", extra={"reason": trouble})
        elif before and not trouble:
            log.info("the feedback database is back")


def _import_bring_up() -> Callable[[AsyncEngine, bool], Awaitable[None]]:
    # Alembic takes as long as all else about a start, and requests are answered meanwhile.
    from .migrate import bring_up

    return bring_up


async def _nothing(connection: AsyncConnection) -> None:
    await connection.execute(text("SELECT 1"))


def _look_at(task: asyncio.Future[Any]) -> None:
    # Or asyncio would complain of an error that nobody has waited for.
    if not task.cancelled():
        task.exception()


def _failed(task: asyncio.Task[None]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _reason(error: BaseException) -> str:
    # The driver's own words, without the statement around them.
    return str(error.orig if isinstance(error, DBAPIError) else error) or type(error).__name__

"""Writes corrections that arrive together in one transaction.

A transaction each would make replicas wait in turns for SQLite's one lock, and for the disk.
"""

import asyncio
from collections import deque
from typing import Any, NamedTuple

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from .database import AWAY, Database, DatabaseAwayError
from .schema import feedback

MAX_WAITING = 1_000
"""Corrections of one replica that may wait; beyond it they are refused at once."""

MAX_TOGETHER = 250

_INSERT: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}

Row = dict[str, Any]
"""A correction by column, all but `times`."""


class _Waiting(NamedTuple):
    """A row to be written, and whether it is new once that is done."""

    row: Row
    created: asyncio.Future[bool]


class WriteBatcher:
    """One transaction at a time, over all that has come since the one before.

    timeout_s: how long a correction may take altogether.
    """

    def __init__(self, database: Database, timeout_s: float) -> None:
        self._database = database
        self._timeout_s = timeout_s
        self._line: deque[_Waiting] = deque()
        self._writing: asyncio.Task[None] | None = None

    async def put(self, row: Row) -> bool:
        """Store the correction. Returns whether its id is new. Raises DatabaseAwayError."""
        if len(self._line) >= MAX_WAITING:
            raise DatabaseAwayError(AWAY)
        waiting = _Waiting(row, asyncio.get_running_loop().create_future())
        self._line.append(waiting)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        try:
            async with asyncio.timeout(self._timeout_s):
                return await waiting.created
        except TimeoutError:
            raise DatabaseAwayError(AWAY) from None

    async def _write_all(self) -> None:
        while together := self._next():
            try:
                times = await self._database.ask(lambda one: _upsert(one, list(together.values())))
            except Exception as error:
                for waiting in together.values():
                    if not waiting.created.done():
                        waiting.created.set_exception(_again(error))
            else:
                for key, waiting in together.items():
                    if not waiting.created.done():
                        waiting.created.set_result(times[key] == 1)

    def _next(self) -> dict[str, _Waiting]:
        """The writes at the head of the queue, each id once, without those given up."""
        together: dict[str, _Waiting] = {}
        while self._line and len(together) < MAX_TOGETHER:
            waiting = self._line[0]
            if waiting.row["id"] in together:
                break
            self._line.popleft()
            if not waiting.created.done():
                together[waiting.row["id"]] = waiting
        return together


async def _upsert(connection: AsyncConnection, together: list[_Waiting]) -> dict[str, int]:
    """Write them, and return how often each was given by now, by id."""
    insert = _INSERT[connection.dialect.name](feedback)
    statement = insert.on_conflict_do_update(
        index_elements=[feedback.c.id],
        set_={
            **{name: insert.excluded[name] for name in ("output", "label", "given_at")},
            "times": feedback.c.times + 1,
        },
    ).returning(feedback.c.id, feedback.c.times)
    # In one order everywhere, or two replicas could wait for each other's rows.
    rows = sorted((one.row | {"times": 1} for one in together), key=lambda row: row["id"])
    found = await connection.execute(statement, rows)
    return {row.id: row.times for row in found}


def _again(error: Exception) -> Exception:
    """A new instance for each raise: an error collects the traceback of every raise."""
    return DatabaseAwayError(*error.args) if isinstance(error, DatabaseAwayError) else error

"""What is stored of a correction, and the statements that do so."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import Delete
from sqlalchemy.sql.selectable import Select

from .database import Database
from .receipts import Receipt
from .schema import feedback
from .write_batcher import WriteBatcher


class Correction(NamedTuple):
    """The right label for an answer.

    model: the name of the contract.
    version: the reference of the version whose answer it corrects.
    input, output, label: JSON; output is None where it was not given.
    """

    request_id: str
    model: str
    version: str
    input: str
    output: str | None
    label: str


class Corrections:
    """At most one correction a receipt. Every method raises DatabaseAwayError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writes = WriteBatcher(database, database.timeout_s)

    async def put(self, receipt: Receipt, correction: Correction) -> bool:
        """Store or replace the correction. Returns whether it is new."""
        stored = {"id": receipt.id, "owner": receipt.owner, "given_at": datetime.now(UTC)}
        return await self._writes.put(correction._asdict() | stored)

    async def get(self, receipt: Receipt) -> Correction | None:
        found = await self._select(_COLUMNS.where(feedback.c.id == receipt.id))
        return found[0] if found else None

    async def all(self) -> list[Correction]:
        """Return all corrections, in a fixed order."""
        return await self._select(_COLUMNS.order_by(feedback.c.id))

    async def delete(self, receipt: Receipt) -> bool:
        """Delete the correction. Returns whether there was one."""
        return await self._delete(delete(feedback).where(feedback.c.id == receipt.id)) > 0

    async def delete_older(self, days: int) -> int:
        """Delete old corrections. Returns how many."""
        oldest = datetime.now(UTC) - timedelta(days=days)
        return await self._delete(delete(feedback).where(feedback.c.given_at < oldest))

    async def delete_of(self, owners: Sequence[str]) -> int:
        """Delete the corrections of these owners, as receipts name them. Returns how many."""
        return await self._delete(delete(feedback).where(feedback.c.owner.in_(owners)))

    async def _select(self, statement: Select[Any]) -> list[Correction]:
        async def work(connection: AsyncConnection) -> list[Correction]:
            return [Correction(*row) for row in await connection.execute(statement)]

        return await self._database.ask(work)

    async def _delete(self, statement: Delete) -> int:
        async def work(connection: AsyncConnection) -> int:
            return (await connection.execute(statement)).rowcount

        return await self._database.ask(work)


_COLUMNS = select(*(feedback.c[name] for name in Correction._fields))

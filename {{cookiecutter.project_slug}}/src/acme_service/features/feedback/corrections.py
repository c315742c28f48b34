"""What is kept of a correction, and every statement that is made about it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import Delete

from .database import Database
from .receipts import Receipt
from .schema import feedback
from .writes import Writes


class Correction(NamedTuple):
    """The right label for a text.

    model: the `reference` of the version whose answer it corrects.
    """

    request_id: str
    text: str
    language: str
    model: str


class Corrections:
    """At most one a receipt. Every method raises DatabaseAwayError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writes = Writes(database, database.timeout_s)

    async def put(self, receipt: Receipt, correction: Correction) -> bool:
        """Keep it in place of what was there; whether that was nothing."""
        kept = {"id": receipt.id, "owner": receipt.owner, "given_at": datetime.now(UTC)}
        return await self._writes.put(correction._asdict() | kept)

    async def get(self, receipt: Receipt) -> Correction | None:
        columns = [feedback.c[name] for name in Correction._fields]
        statement = select(*columns).where(feedback.c.id == receipt.id)

        async def work(connection: AsyncConnection) -> Correction | None:
            row = (await connection.execute(statement)).one_or_none()
            return Correction(*row) if row else None

        return await self._database.ask(work)

    async def delete(self, receipt: Receipt) -> bool:
        """Whether there was one."""
        return await self._delete(delete(feedback).where(feedback.c.id == receipt.id)) > 0

    async def delete_older(self, days: int) -> int:
        """Delete corrections older than `days`; return how many there were."""
        oldest = datetime.now(UTC) - timedelta(days=days)
        return await self._delete(delete(feedback).where(feedback.c.given_at < oldest))

    async def delete_of(self, owners: Sequence[str]) -> int:
        """Delete the corrections of owners, named as in receipts; return how many there were."""
        return await self._delete(delete(feedback).where(feedback.c.owner.in_(owners)))

    async def labelled(self) -> list[tuple[str, str]]:
        """Every text and its label, always in the same order."""
        statement = select(feedback.c.text, feedback.c.language).order_by(feedback.c.id)

        async def work(connection: AsyncConnection) -> list[tuple[str, str]]:
            return [(text, language) for text, language in await connection.execute(statement)]

        return await self._database.ask(work)

    async def _delete(self, statement: Delete) -> int:
        async def work(connection: AsyncConnection) -> int:
            return (await connection.execute(statement)).rowcount

        return await self._database.ask(work)

"""Corrections that arrive together: each is written once, in turn, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from servekit.features.feedback.database import Database, DatabaseAwayError
from servekit.features.feedback.write_batcher import (
    MAX_TOGETHER,
    MAX_WAITING,
    WriteBatcher,
)

from .feedback_answers import rows, settings_for, url_of

TIMEOUT_S = 5.0


def row(number: int, label: str = "1") -> dict[str, Any]:
    given = {"model": "triage", "version": "triage:1", "given_at": datetime.now(UTC)}
    content = {"input": "{}", "output": None, "label": label}
    ids = {"id": f"{number:032}", "request_id": str(number), "owner": "somebody"}
    return ids | given | content


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "feedback.db"


@pytest.fixture
async def database(file: Path) -> AsyncIterator[Database]:
    database = Database(settings_for(url_of(file), timeout_s=TIMEOUT_S), "desk")
    async with database.opened():
        await database.look()
        yield database


async def test_labels_given_at_once_for_one_answer_are_written_in_turn(
    database: Database, file: Path
) -> None:
    writes = WriteBatcher(database, TIMEOUT_S)
    given = [writes.put(row(number, label)) for label in ("1", "2", "3") for number in (1, 2)]
    assert await asyncio.gather(*given) == [True, True, False, False, False, False]
    assert [(one["label"], one["times"]) for one in rows(file)] == [("3", 3)] * 2


async def test_more_than_travel_together_are_all_written(database: Database, file: Path) -> None:
    writes = WriteBatcher(database, TIMEOUT_S)
    numbers = range(MAX_TOGETHER * 2 + 1)
    assert all(await asyncio.gather(*(writes.put(row(one)) for one in numbers)))
    assert [int(one["id"]) for one in sorted(rows(file), key=lambda one: one["id"])] == [*numbers]


async def test_what_its_caller_has_given_up_in_line_is_not_written(
    database: Database, file: Path
) -> None:
    writes = WriteBatcher(database, TIMEOUT_S)
    giving = [asyncio.create_task(writes.put(row(number))) for number in (1, 2)]
    await asyncio.sleep(0)
    giving[1].cancel()
    assert await giving[0]
    assert await writes.put(row(3))
    assert [one["request_id"] for one in rows(file)] == ["1", "3"]


async def test_beyond_the_line_they_are_refused_at_once(database: Database) -> None:
    writes = WriteBatcher(database, TIMEOUT_S)
    waiting = [asyncio.create_task(writes.put(row(number))) for number in range(MAX_WAITING)]
    await asyncio.sleep(0)
    began = monotonic()
    with pytest.raises(DatabaseAwayError):
        await writes.put(row(MAX_WAITING))
    assert monotonic() - began < TIMEOUT_S / 2
    assert all(await asyncio.gather(*waiting))

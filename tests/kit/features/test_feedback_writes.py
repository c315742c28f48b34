"""Corrections that arrive together: each is written once, in turn, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from acme_service.features.feedback.database import Database, DatabaseAwayError
from acme_service.features.feedback.writes import (
    MAX_TOGETHER,
    MAX_WAITING,
    Writes,
)

from .feedback_answers import rows, settings_for, url_of

TIMEOUT_S = 5.0


def row(number: int, language: str = "de") -> dict[str, Any]:
    given = {"text": "a text", "model": "language:1", "given_at": datetime.now(UTC)}
    ids = {"id": f"{number:032}", "request_id": str(number), "owner": "somebody"}
    return ids | given | {"language": language}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "feedback.db"


@pytest.fixture
async def database(file: Path) -> AsyncIterator[Database]:
    database = Database(settings_for(url_of(file), timeout_s=TIMEOUT_S))
    async with database.opened():
        await database.look()
        yield database


async def test_labels_given_at_once_for_one_answer_are_written_in_turn(
    database: Database, file: Path
) -> None:
    writes = Writes(database, TIMEOUT_S)
    given = [writes.put(row(number, label)) for label in ("de", "fr", "it") for number in (1, 2)]
    assert await asyncio.gather(*given) == [True, True, False, False, False, False]
    assert [(one["language"], one["times"]) for one in rows(file)] == [("it", 3)] * 2


async def test_more_than_travel_together_are_all_written(database: Database, file: Path) -> None:
    writes = Writes(database, TIMEOUT_S)
    numbers = range(MAX_TOGETHER * 2 + 1)
    assert all(await asyncio.gather(*(writes.put(row(one)) for one in numbers)))
    assert [int(one["id"]) for one in sorted(rows(file), key=lambda one: one["id"])] == [*numbers]


async def test_what_its_caller_has_given_up_in_line_is_not_written(
    database: Database, file: Path
) -> None:
    writes = Writes(database, TIMEOUT_S)
    giving = [asyncio.create_task(writes.put(row(number))) for number in (1, 2)]
    await asyncio.sleep(0)
    giving[1].cancel()
    assert await giving[0]
    assert await writes.put(row(3))
    assert [one["request_id"] for one in rows(file)] == ["1", "3"]


async def test_beyond_the_line_they_are_refused_at_once(database: Database) -> None:
    writes = Writes(database, TIMEOUT_S)
    waiting = [asyncio.create_task(writes.put(row(number))) for number in range(MAX_WAITING)]
    await asyncio.sleep(0)
    began = monotonic()
    with pytest.raises(DatabaseAwayError):
        await writes.put(row(MAX_WAITING))
    assert monotonic() - began < TIMEOUT_S / 2
    assert all(await asyncio.gather(*waiting))

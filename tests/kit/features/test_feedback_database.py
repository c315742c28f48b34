"""The feature `feedback` over an SQLite that is unwell, and its schema."""

import asyncio
import os
import re
import resource
import shutil
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from importlib.abc import MetaPathFinder
from pathlib import Path
from time import monotonic

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from fastapi.testclient import TestClient
from sqlalchemy import Connection, inspect
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from servekit.features import feedback
from servekit.features.feedback.database import Database, DatabaseAwayError
from servekit.features.feedback.engine import engine_of
from servekit.features.feedback.migrate import bring_up, downgrade, upgrade
from servekit.features.feedback.schema import VERSION_TABLE, metadata
from servekit.testing.subprocesses import free_port

from .feedback_answers import (
    ask,
    counted,
    delete,
    get,
    put,
    rows,
    service,
    settings_for,
    stored_soon,
    url_of,
)

TIMEOUT_S = 0.5
MIGRATIONS = Path(feedback.__file__).with_name("migrations")
HEAD = "feedback_0001"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "feedback.db"


@pytest.fixture
def client(file: Path) -> Iterator[TestClient]:
    with service(url_of(file), timeout_s=TIMEOUT_S) as client:
        assert stored_soon(client, ask(client, request_id="first"))
        yield client


@contextmanager
def locked(file: Path) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None)) as somebody_else:
        somebody_else.execute("BEGIN EXCLUSIVE")
        yield
        somebody_else.execute("ROLLBACK")


@contextmanager
def full(_: Path) -> Iterator[None]:
    """No file may grow, as on a disk that is full."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


@pytest.mark.parametrize("trouble", [locked, full])
def test_in_trouble_these_routes_alone_are_503_and_recover(
    client: TestClient, file: Path, trouble: Callable[[Path], AbstractContextManager[None]]
) -> None:
    with trouble(file):
        # Answers and their receipts go on, and so does the rest of the service.
        answer = ask(client, request_id="in trouble")
        began = monotonic()
        response = put(client, answer)
        assert monotonic() - began < TIMEOUT_S * 6
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
        assert response.headers["Content-Type"] == "application/problem+json"
        assert str(file) not in response.text
        assert client.get("/health/ready").status_code == 200
    assert counted(client)["away"] >= 1
    assert stored_soon(client, answer)
    assert [row["request_id"] for row in rows(file)] == ["first", "in trouble"]


def test_readers_do_not_wait_for_a_writer(client: TestClient, file: Path) -> None:
    answer = ask(client, request_id="readable")
    put(client, answer)
    with closing(sqlite3.connect(file, isolation_level=None)) as somebody_else:
        somebody_else.execute("BEGIN IMMEDIATE")
        assert get(client, answer).status_code == 200
        somebody_else.execute("ROLLBACK")


def test_where_no_file_can_be_the_service_starts_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "no folder").touch()
    url = url_of(tmp_path / "no folder" / "feedback.db")
    with service(url, timeout_s=TIMEOUT_S) as client:
        answer = ask(client, request_id="1")
        assert put(client, answer).status_code == 503
        ready = client.get("/health/ready")
        assert ready.status_code == 200
        assert ready.json()["notes"]["feedback"].startswith("The feedback database")


@pytest.mark.parametrize("password", ["Xy7/s3cret", "s3cret#Zq", "s3cret?Zq", "s3cret%2F@"])
def test_a_password_may_hold_anything_and_is_told_to_nobody(
    password: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"postgresql://user:{password}@127.0.0.1:{free_port()}/name"
    with service(url, timeout_s=TIMEOUT_S) as client:
        assert put(client, ask(client, request_id="1")).status_code == 503
        assert client.get("/health/ready").status_code == 200
    assert "s3cret" not in caplog.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write every file")
def test_a_file_that_may_not_be_written_stops_nobody_else(client: TestClient, file: Path) -> None:
    client.__exit__(None, None, None)
    file.chmod(0o444)
    file.parent.chmod(0o555)
    with service(url_of(file), timeout_s=TIMEOUT_S) as reading:
        assert put(reading, ask(reading, request_id="new")).status_code == 503
        assert reading.get("/health/ready").status_code == 200
    file.parent.chmod(0o755)


def test_a_file_that_is_no_database_is_left_alone(file: Path) -> None:
    file.write_text("not a database at all " * 100)
    before = file.read_bytes()
    with service(url_of(file), timeout_s=TIMEOUT_S) as client:
        assert put(client, ask(client, request_id="1")).status_code == 503
    assert file.read_bytes() == before


async def schema_after(
    file: Path, change: Callable[[Connection], None]
) -> tuple[list[str], list[object]]:
    """The tables, and how they differ from those that the program expects."""
    engine = engine_of(settings_for(url_of(file)), "desk")

    def look(connection: Connection) -> tuple[list[str], list[object]]:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return inspect(connection).get_table_names(), compare_metadata(context, metadata)

    async with engine.connect() as connection:
        await connection.run_sync(change)
        found = await connection.run_sync(look)
    await engine.dispose()
    return found


async def test_migrations_make_the_schema_that_the_program_expects(file: Path) -> None:
    assert await schema_after(file, upgrade) == (["feedback", VERSION_TABLE], [])


async def test_every_migration_can_be_taken_back(file: Path) -> None:
    await schema_after(file, upgrade)
    tables, _ = await schema_after(file, lambda one: downgrade(one, "base"))
    assert tables == [VERSION_TABLE]
    assert await schema_after(file, upgrade) == (["feedback", VERSION_TABLE], [])


async def test_many_who_start_at_once_migrate_once(file: Path) -> None:
    engines = [engine_of(settings_for(url_of(file)), "desk") for _ in range(8)]

    async def brought_up(engine: AsyncEngine) -> None:
        # A file that others make at this moment may be locked; the service tries again, too.
        for _ in range(20):
            with suppress(OperationalError):
                return await bring_up(engine, migrate=True)
        raise AssertionError("The file stays locked.")

    await asyncio.gather(*map(brought_up, engines))
    for engine in engines:
        await engine.dispose()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute(f"SELECT * FROM {VERSION_TABLE}").fetchall() == [(HEAD,)]


def test_migrations_have_one_head_and_ids_with_the_name_of_the_feature() -> None:
    scripts = ScriptDirectory(MIGRATIONS)
    revisions = [one.revision for one in scripts.walk_revisions()]
    files = sorted((MIGRATIONS / "versions").glob("*.py"))
    assert scripts.get_heads() == [HEAD]
    assert sorted(revisions) == sorted({re.sub(r"(_\d+)_.*", r"\1", one.stem) for one in files})
    assert all(re.fullmatch(r"feedback_\d{4}", one) for one in revisions)


def copy_at(file: Path, revision: str) -> Path:
    """A copy of a database, whose schema is said to be of that revision."""
    copy = file.with_name(f"{revision}.db")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(file, copy)
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = ?", (revision,))
    return copy


def test_a_schema_from_before_ids_had_a_prefix_goes_on(client: TestClient, file: Path) -> None:
    copy = copy_at(file, "1")
    with service(url_of(copy)) as older:
        assert put(older, ask(older, request_id="1")).status_code == 201
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute(f"SELECT * FROM {VERSION_TABLE}").fetchall() == [(HEAD,)]


def test_several_heads_are_an_error_of_their_own(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(MIGRATIONS, tmp_path / "migrations")
    other = tmp_path / "migrations/versions/mine_0001.py"
    other.write_text('revision = "mine_0001"\ndown_revision = None\n', encoding="utf-8")
    module = sys.modules[bring_up.__module__]
    monkeypatch.setattr(module, "_FOLDER", tmp_path / "migrations")
    heads = f"{HEAD} and mine_0001"

    async def looked_at() -> None:
        database = Database(settings_for(url_of(file)), "desk")
        async with database.opened():
            with pytest.raises(DatabaseAwayError, match="schema of the feedback database"):
                await database.look()
            assert f"several heads, {heads}:" in database.trouble

    asyncio.run(looked_at())


async def test_a_migration_that_fails_leaves_nothing_behind(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE feedback (theirs TEXT)")
    engine = engine_of(settings_for(url_of(file)), "desk")
    with pytest.raises(Exception, match="already exists"):
        await bring_up(engine, migrate=True)
    await engine.dispose()
    with closing(sqlite3.connect(file)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    assert tables == [("feedback",)]


def test_a_schema_that_is_behind_and_may_not_be_changed_is_a_503(file: Path) -> None:
    with service(url_of(file), migrate=False, timeout_s=TIMEOUT_S) as client:
        answer = ask(client, request_id="1")
        assert put(client, answer).status_code == 503
        asyncio.run(migrate(file))
        assert stored_soon(client, answer)
        assert delete(client, answer).status_code == 204


async def migrate(file: Path) -> None:
    engine = engine_of(settings_for(url_of(file)), "desk")
    await bring_up(engine, migrate=True)
    await engine.dispose()


def test_a_schema_of_a_newer_version_is_used_as_it_is(client: TestClient, file: Path) -> None:
    copy = copy_at(file, "newer")
    with service(url_of(copy)) as newer:
        assert put(newer, ask(newer, request_id="1")).status_code == 201


class Importers(MetaPathFinder):
    """Finds nothing, and notes the thread that looks for a module."""

    def __init__(self) -> None:
        self.threads: dict[str, threading.Thread] = {}

    def find_spec(self, fullname: str, *_: object) -> None:
        self.threads[fullname] = threading.current_thread()


async def test_importing_the_migrations_blocks_no_request(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    importers, name = Importers(), bring_up.__module__
    monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [importers, *sys.meta_path])
    database = Database(settings_for(url_of(file)), "desk")
    async with database.opened():
        await database.look()
    assert importers.threads[name] is not threading.current_thread()


async def test_more_than_can_wait_is_refused_at_once(file: Path) -> None:
    database = Database(settings_for(url_of(file), timeout_s=TIMEOUT_S), "desk")

    enough = asyncio.Event()

    async def never(_: object) -> None:
        await enough.wait()

    async with database.opened():
        asking = [asyncio.create_task(database.ask(never)) for _ in range(1_000)]
        await asyncio.sleep(0)
        began = monotonic()
        with pytest.raises(DatabaseAwayError):
            await database.ask(never)
        assert monotonic() - began < TIMEOUT_S / 2
        ended = await asyncio.gather(*asking, return_exceptions=True)
        enough.set()
        await answering(database)
    assert {type(one) for one in ended} == {DatabaseAwayError}


async def answering(database: Database) -> None:
    """Return when whoever had the connection has given it back; a busy machine takes its time."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await database.look()
            except DatabaseAwayError:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("moment_s", [0, 0.002, 0.005, 0.01, 0.02, 0.05])
def test_a_service_that_is_stopped_while_it_makes_its_tables_ends(
    file: Path, moment_s: float
) -> None:
    async def run() -> None:
        database = Database(settings_for(url_of(file)), "desk")
        async with database.opened():
            await asyncio.sleep(moment_s)

    # What refuses to be cancelled would keep the loop from closing.
    asyncio.run(run())

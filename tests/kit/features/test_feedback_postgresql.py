"""The feature `feedback` over a real PostgreSQL, well and unwell."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic, sleep

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from fastapi.testclient import TestClient
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import Connection, inspect

from servekit.features.feedback.engine import engine_of
from servekit.features.feedback.migrate import bring_up, downgrade, upgrade
from servekit.features.feedback.schema import VERSION_TABLE, metadata

from .feedback_answers import (
    BILLING,
    RECEIPT,
    SUPPORT,
    api,
    ask,
    correction,
    delete,
    get,
    keeping,
    put,
    service,
    settings_for,
)
from tests.postgresql_server import PostgresqlServer

pytestmark = pytest.mark.slow  # a server takes seconds to make

TIMEOUT_S = 1.0
WRITES = 1_000
TWICE = 50


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    with PostgresqlServer() as server:
        yield server


@pytest.fixture
def client(server: PostgresqlServer) -> Iterator[TestClient]:
    server.query(f"DROP TABLE IF EXISTS feedback, {VERSION_TABLE}")
    with service(server.url, timeout_s=TIMEOUT_S) as client:
        wait_until_kept(client)
        yield client


def wait_until_kept(client: TestClient) -> None:
    deadline = monotonic() + 10
    while not put(client, ask(client, request_id="first")).is_success:
        assert monotonic() < deadline, "The database is not found."
        sleep(0.05)


def test_a_correction_is_kept_read_replaced_and_taken_back(
    client: TestClient, server: PostgresqlServer
) -> None:
    text = "'; DROP TABLE feedback; -- ☃ \U0001f600 %s $1 :a \0"
    answer = ask(client, text, request_id="1")
    labels = [BILLING, BILLING, SUPPORT]
    assert [put(client, answer, one).status_code for one in labels] == [201, 200, 200]
    assert get(client, answer).json()["label"] == SUPPORT
    assert get(client, answer).json()["input"]["subject"] == text
    stored = "SELECT label::json->>'team', times FROM feedback WHERE request_id = '1'"
    assert server.query(stored) == "support|3"
    assert delete(client, answer).status_code == 204
    assert server.query("SELECT count(*) FROM feedback WHERE request_id = '1'") == "0"


@asynccontextmanager
async def replica(url: str) -> AsyncIterator[AsyncClient]:
    app = api(keeping(url, timeout_s=30))
    async with app.router.lifespan_context(app):
        transport = ASGITransport(app)
        async with AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


async def test_of_a_thousand_at_once_none_is_lost_or_doubled(
    client: TestClient, server: PostgresqlServer
) -> None:
    server.query("TRUNCATE feedback")
    answers = [ask(client, f"text {number}", f"id-{number}") for number in range(WRITES)]
    async with AsyncExitStack() as running:
        one, other = [await running.enter_async_context(replica(server.url)) for _ in range(2)]

        async def give(replica: AsyncClient, number: int) -> int:
            answer = answers[number]
            response = await replica.put(
                f"/v1/feedback/{answer.id}",
                json=correction(answer),
                headers={RECEIPT: answer.receipt},
            )
            return response.status_code

        once = [give((one, other)[number % 2], number) for number in range(WRITES)]
        again = [give((other, one)[number % 2], number) for number in range(TWICE)]
        assert Counter(await asyncio.gather(*once, *again)) == {201: WRITES, 200: TWICE}
    counts = "SELECT count(*), count(DISTINCT request_id), sum(times) FROM feedback"
    assert server.query(counts) == f"{WRITES}|{WRITES}|{WRITES + TWICE}"


def test_a_server_that_is_stopped_and_started_is_found_again(
    client: TestClient, server: PostgresqlServer
) -> None:
    server.stop()
    answer = ask(client, request_id="while it was down")
    began = monotonic()
    response = put(client, answer)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert monotonic() - began < TIMEOUT_S * 2
    assert "127.0.0.1" not in response.text
    ready = client.get("/health/ready")
    assert (ready.status_code, list(ready.json()["notes"])) == (200, ["feedback"])
    server.start()
    wait_until_kept(client)
    assert put(client, answer).status_code == 201


def test_a_frozen_server_costs_no_more_than_the_time_there_is(
    client: TestClient, server: PostgresqlServer
) -> None:
    server.freeze()
    answer = ask(client, request_id="while it was frozen")
    for ask_it in (put, get, delete):
        began = monotonic()
        assert ask_it(client, answer).status_code == 503
        assert TIMEOUT_S * 0.9 < monotonic() - began < TIMEOUT_S * 1.8
    assert client.get("/health/ready").status_code == 200
    server.thaw()
    wait_until_kept(client)
    assert put(client, answer).is_success


def test_a_service_starts_without_it(server: PostgresqlServer) -> None:
    server.stop()
    with service(server.url, timeout_s=TIMEOUT_S) as client:
        assert put(client, ask(client, request_id="early")).status_code == 503
        server.start()
        wait_until_kept(client)


async def test_migrations_make_the_schema_that_the_program_expects(
    server: PostgresqlServer,
) -> None:
    server.query(f"DROP TABLE IF EXISTS feedback, {VERSION_TABLE}")
    engine = engine_of(settings_for(server.url), "desk")

    def up_down_up(connection: Connection) -> tuple[list[str], list[object]]:
        upgrade(connection)
        downgrade(connection, "base")
        upgrade(connection)
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        names = sorted(inspect(connection).get_table_names())
        return names, compare_metadata(context, metadata)

    async with engine.connect() as connection:
        found = await connection.run_sync(up_down_up)
    await engine.dispose()
    assert found == (["feedback", VERSION_TABLE], [])


async def test_many_who_start_at_once_migrate_once(server: PostgresqlServer) -> None:
    server.query(f"DROP TABLE IF EXISTS feedback, {VERSION_TABLE}")
    engines = [engine_of(settings_for(server.url), "desk") for _ in range(8)]
    await asyncio.gather(*(bring_up(engine, migrate=True) for engine in engines))
    for engine in engines:
        await engine.dispose()
    assert server.query(f"SELECT version_num FROM {VERSION_TABLE}") == "feedback_0001"


def test_a_database_that_comes_back_empty_is_made_ready_again(
    client: TestClient, server: PostgresqlServer
) -> None:
    server.query(f"DROP TABLE feedback, {VERSION_TABLE}")
    assert put(client, ask(client, request_id="lost")).status_code == 503
    wait_until_kept(client)


def test_a_server_that_has_become_a_standby_is_left_by_itself(server: PostgresqlServer) -> None:
    """As after a failover: the connection is sound, and leads to one that takes no writes."""
    server.query(f"DROP TABLE IF EXISTS feedback, {VERSION_TABLE}")
    with service(server.url, timeout_s=TIMEOUT_S) as client:
        wait_until_kept(client)
        answer = ask(client, request_id="1")
        server.query("ALTER DATABASE postgres SET default_transaction_read_only = on")
        server.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        )
        try:
            assert put(client, answer).status_code == 503
        finally:
            server.query(
                "BEGIN READ WRITE; ALTER DATABASE postgres RESET default_transaction_read_only;"
                "COMMIT"
            )
        wait_until_kept(client)
        assert put(client, answer).is_success


@pytest.mark.parametrize("parameter", ["channel_binding=require", "connect_timeout=10"])
def test_an_address_as_providers_hand_it_out_is_understood(
    server: PostgresqlServer, parameter: str
) -> None:
    server.query(f"DROP TABLE IF EXISTS feedback, {VERSION_TABLE}")
    with service(f"{server.url}?sslmode=prefer&{parameter}", timeout_s=TIMEOUT_S) as client:
        wait_until_kept(client)

"""Make the engine for the database that the settings name."""

import os
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from .settings import NOT_OF_THE_DRIVER, DatabaseSettings, address_of

SAFE = {
    # Readers and the one writer do not wait for each other.
    "journal_mode": "WAL",
    # What was answered 201 survives a power cut.
    "synchronous": "FULL",
    # What is deleted is overwritten.
    "secure_delete": "ON",
}
"""How SQLite keeps the file."""

EVERY: dict[str, Any] = {
    # Each request is one statement, and hence a transaction of its own.
    "isolation_level": "AUTOCOMMIT",
    "skip_autocommit_rollback": True,
    # What users wrote has no place in errors.
    "hide_parameters": True,
    "max_overflow": 0,
}


READ_ONLY = "25006"
"""What PostgreSQL says to a write where it has become a standby."""


def engine_of(settings: DatabaseSettings, service: str) -> AsyncEngine:
    """Make an engine that has not connected yet.

    Args:
        settings: Of the database.
        service: As PostgreSQL lists its connections by.
    """
    address = address_of(settings.url)
    if address.drivername == "sqlite":
        return _sqlite(str(address.database), settings)
    query = {name: value for name, value in address.query.items() if name not in NOT_OF_THE_DRIVER}
    address = address.set(query=query)
    return _postgresql(address.render_as_string(hide_password=False), settings, service)


def _sqlite(file: str, settings: DatabaseSettings) -> AsyncEngine:
    # One connection a replica: SQLite has one writer, and waits in vain are dearer than turns.
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{file}",
        pool_size=1,
        pool_timeout=settings.timeout_s,
        # Of the whole time a part, so that SQLite itself says that the lock is held elsewhere.
        connect_args={"timeout": settings.timeout_s * 0.8},
        **EVERY,
    )

    @event.listens_for(engine.sync_engine, "do_connect")
    def make_file(*_: Any) -> None:
        Path(file).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite would let every user read it. What lies beside it gets the same mode.
        os.close(os.open(file, os.O_CREAT, 0o600))

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        try:
            for name, value in SAFE.items():
                cursor.execute(f"PRAGMA {name}={value}")
            cursor.close()
        except Exception:
            # Nothing else knows of it yet.
            connection.close()
            raise

    return engine


def _postgresql(address: str, settings: DatabaseSettings, service: str) -> AsyncEngine:
    import asyncpg

    timeout_s: Any = settings.timeout_s  # asyncpg takes a float and says int

    async def connect() -> Any:
        # It reads what the address asks for as libpq does, such as `sslmode`.
        return await asyncpg.connect(
            address,
            timeout=timeout_s,
            server_settings={
                "application_name": service,
                "statement_timeout": str(int(timeout_s * 1000)),
            },
        )

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=settings.max_connections,
        pool_timeout=timeout_s,
        # A server that was restarted is noticed before a statement fails.
        pool_pre_ping=True,
        **EVERY,
    )

    @event.listens_for(engine.sync_engine, "handle_error")
    def leave_standby(context: Any) -> None:
        if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
            # The primary is elsewhere now; the connection is sound, but to the wrong server. All
            # connections of its age are given up, and new ones follow the address.
            context.is_disconnect = True

    return engine

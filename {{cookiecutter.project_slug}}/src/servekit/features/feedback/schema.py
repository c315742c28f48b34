"""The one table. A change here needs a migration, and a test says so."""

from sqlalchemy import Column, DateTime, Integer, MetaData, String, Table, Text

metadata = MetaData()

VERSION_TABLE = "feedback_version"
"""In which Alembic notes where the schema is; named so that it can share a database."""

feedback = Table(
    "feedback",
    metadata,
    # The number of the receipt: request ids are chosen by callers, and may come twice.
    Column("id", String(32), primary_key=True),
    Column("request_id", String(200), nullable=False),
    Column("owner", String(32), nullable=False),
    Column("model", String(200), nullable=False),
    Column("version", String(200), nullable=False),
    # These three are JSON.
    Column("input", Text, nullable=False),
    Column("output", Text),
    Column("label", Text, nullable=False),
    # How often it was given: 1 for one that has not been replaced.
    Column("times", Integer, nullable=False),
    Column("given_at", DateTime(timezone=True), nullable=False),
)

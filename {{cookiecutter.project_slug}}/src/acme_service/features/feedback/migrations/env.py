"""Alembic runs this file for each migration, on the connection that it is given."""

from alembic import context

from acme_service.features.feedback.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    # Whoever gave the connection has begun a transaction and ends it, SQLite's included.
    transactional_ddl=True,
)
context.run_migrations()

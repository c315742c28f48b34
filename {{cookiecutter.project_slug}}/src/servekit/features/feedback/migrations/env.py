"""Alembic runs this file for each migration, on the connection that it is given."""

from alembic import context

from servekit.features.feedback.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    # The transaction was begun with the connection, and ends with it, SQLite's included.
    transactional_ddl=True,
)
context.run_migrations()

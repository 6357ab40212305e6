"""Alembic's environment; :mod:`vodflow.catalog.migrate` runs it with a connection of its own."""

from alembic import context

from vodflow.catalog.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    compare_server_default=True,
)
# The caller owns the transaction, which also holds the lock.
context.run_migrations()

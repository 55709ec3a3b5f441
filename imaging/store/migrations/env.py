"""Run by Alembic: migrates over the connection, and inside the transaction, it is handed."""

from __future__ import annotations

from alembic import context

from imaging.store.schema.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()

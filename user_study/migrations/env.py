"""Run by Alembic: migrates the connection that `user_study.database` hands over."""

from __future__ import annotations

from alembic import context

from user_study.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter most things in place
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()

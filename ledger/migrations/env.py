"""What alembic runs: the migrations on the connection and in the transaction that ``ledger.open`` gives."""

from alembic import context

from ledger.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata,
                  render_as_batch=True)
context.run_migrations()

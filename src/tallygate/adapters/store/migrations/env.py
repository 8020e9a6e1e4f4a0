"""How does Alembic work here? On the transaction that it is handed, with the declared tables."""

from alembic import context

from tallygate.adapters.store.schema import VERSION_TABLE
from tallygate.adapters.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()

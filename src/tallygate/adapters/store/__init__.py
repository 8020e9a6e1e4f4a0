"""Where is everything kept? In one database: SQLite or Postgres.

Owns: tables, migrations, transactions, and the way from rows to values and back. One file is one
family of tables; its functions take the transaction first and give values of the pure rooms.

Does not own: any decision about what is written.

Laws: nothing outside this room speaks SQL. One writer at a time, on both engines; only what means
the same whoever else writes is appended beside it. An acknowledged transaction is on disk: a
database that would forget it is refused at the start. Every query of a tenant's rows carries the
tenant; on Postgres, `walls` holds where one forgets to.
"""

from tallygate.adapters.store.engine import Store, Transaction, open_store
from tallygate.adapters.store.schema import check_schema, is_bare, migrate, store_in_memory
from tallygate.adapters.store.walls import within_tenant

__all__ = [
    "Store",
    "Transaction",
    "check_schema",
    "is_bare",
    "migrate",
    "open_store",
    "store_in_memory",
    "within_tenant",
]

"""How is it kept who did what? One row for each operation, chained by hashes, never changed."""

from sqlalchemy import CheckConstraint, Index

from tallygate.adapters.store.tables.columns import (
    instant,
    number,
    present,
    refers,
    table,
    words,
)

audit_log = table(
    "audit_log",
    number("number", primary=True),
    instant("at"),
    words("actor"),
    refers("organization", "organizations", null=True),
    refers("billing_account", "billing_accounts", null=True),
    words("operation"),
    words("subject"),
    # A JSON object.
    words("detail"),
    words("hash"),
    *present("actor", "operation", "hash"),
    CheckConstraint("number >= 1", name="number"),
    Index(None, "organization", "number"),
)

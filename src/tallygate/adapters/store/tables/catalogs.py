"""How are price lists kept? As they were written, one row for each version that was applied."""

from sqlalchemy import CheckConstraint

from tallygate.adapters.store.tables.columns import instant, number, present, table, words

catalogs = table(
    "catalogs",
    number("version", primary=True),
    words("name"),
    words("text"),
    instant("applied_at"),
    *present("name"),
    CheckConstraint("version >= 1", name="version"),
)

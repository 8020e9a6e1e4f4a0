"""Which installation is this, and after how many restores or clones?"""

from sqlalchemy import CheckConstraint

from tallygate.adapters.store.tables.columns import instant, number, present, table, words

installation = table(
    "installation",
    words("id", primary=True),
    number("epoch"),
    # Keys the hashes of API keys where the operator has set no secret of their own.
    words("secret"),
    instant("created_at"),
    *present("id"),
    CheckConstraint("epoch >= 1", name="epoch"),
)

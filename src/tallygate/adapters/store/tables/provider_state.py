"""How is it kept how far we have read at the payment provider, and how often we asked?"""

from sqlalchemy import CheckConstraint

from tallygate.adapters.store.tables.columns import number, table, words

provider_state = table(
    "provider_state",
    words("name", primary=True),
    words("value"),
)

provider_calls = table(
    "provider_calls",
    # As 2026-01-31, in UTC.
    words("day", primary=True),
    number("reads"),
    number("writes"),
    CheckConstraint("reads >= 0 AND writes >= 0", name="calls"),
)

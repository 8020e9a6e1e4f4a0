"""Which installation is this, and after how many restores or clones?"""

from sqlalchemy import CheckConstraint

from tallygate.adapters.store.tables.columns import (
    instant,
    number,
    one_of,
    present,
    table,
    words,
)

installation = table(
    "installation",
    words("id", primary=True),
    number("epoch"),
    # Keys the hashes of API keys where the operator has set no secret of their own.
    words("secret"),
    instant("created_at"),
    # Shut: nothing is sent to the payment provider until what it holds has been read.
    words("sender"),
    # The last id that was written outside: a database that does not know it is an older copy.
    words("witness", null=True),
    *present("id"),
    one_of("sender", "open", "shut"),
    CheckConstraint("epoch >= 1", name="epoch"),
)

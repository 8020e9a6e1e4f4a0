"""Which clock, which randomness, which database does a live installation get?

The one place where that is chosen: the system's clock, the operating system's randomness, and the
store that the settings name. Whatever is chosen is handed in from here; nothing below looks
around for itself.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from tallygate.adapters.store import check_schema, is_bare, migrate, open_store
from tallygate.config import Config
from tallygate.core.ids import IdSource
from tallygate.workflows.installation import Installation


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, in UTC."""
        return datetime.now(UTC)  # noqa: TID251  # the one place that reads the clock


@contextmanager
def open_installation(config: Config, *, create: bool = False) -> Iterator[Installation]:
    """The installation that the settings describe, open for the length of a `with` block.

    A SQLite file is brought to the present schema; where there is none, it is made only when
    `create` says so. A Postgres database is upgraded by `tallygate db upgrade` alone.

    Raises:
        Unsafe: the database would forget what it has acknowledged.
        Conflict: the schema is not the one that this version needs.
        Unreachable: the database does not answer, or there is none.
    """
    store = open_store(config.database_url.get_secret_value(), create=create)
    try:
        if store.dialect == "sqlite" and (create or not is_bare(store)):
            migrate(store)
        check_schema(store)
        clock = SystemClock()
        yield Installation(
            store=store,
            clock=clock,
            ids=IdSource(clock, secrets.randbits),
            settings=config.settings(),
        )
    finally:
        store.close()

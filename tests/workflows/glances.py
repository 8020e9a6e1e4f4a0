"""Is what a glance takes for no news what a whole look would leave as it is?

Each time that a worker leaves an account alone because a glance found no news, the whole look is
taken here, in a transaction that is rolled back: it must write nothing and want nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from tallygate.adapters.store import customers
from tallygate.collection.intents import Intent
from tallygate.collection.seen import Seen
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror import attend as attending
from tallygate.workflows.mirror.agree import next_intents, take_in
from tallygate.workflows.mirror.carry_out import Account, supersede
from tallygate.workflows.mirror.glance import AtRest, has_news

CHANGING = ("INSERT", "UPDATE", "DELETE")


class Glances:
    """How many glances found nothing, and what whole looks would have done nevertheless."""

    def __init__(self, installation: Installation) -> None:
        self.quiet = 0
        self.missed: list[str] = []
        self._installation = installation

    def has_news(self, rest: AtRest, seen: Seen) -> bool:
        """What a glance says; where it says no, it is compared."""
        if has_news(rest, seen):
            return True
        self.quiet += 1
        self.missed += self._whole_look(seen)
        return False

    def _whole_look(self, seen: Seen) -> list[str]:
        store = self._installation.store
        changed: list[str] = []
        wanted: list[Intent] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
            if statement.startswith(CHANGING):
                changed.append(statement)

        event.listen(store.writer_engine, "before_cursor_execute", note)
        try:
            with store.write() as tx:
                known = customers.account_of(tx, seen.customer.id)
                assert known is not None
                account = Account(known[1], known[0])
                found = take_in(tx, self._installation, account, seen)
                wanted += next_intents(tx, self._installation, account, found, seen)
                supersede(tx, account, wanted)
                tx.rollback()
            return [*changed, *map(str, wanted)]
        finally:
            event.remove(store.writer_engine, "before_cursor_execute", note)


@contextmanager
def compared(installation: Installation) -> Iterator[Glances]:
    """Compare every glance that finds no news with a whole look, for the length of a block."""
    glances = Glances(installation)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(attending, "has_news", glances.has_news)
        yield glances

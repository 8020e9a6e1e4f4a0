"""What is looked after once a day?

Hints that were settled long ago are forgotten: the provider keeps its events for 30 days, so none
of them can come again. And the calls of the provider are counted by the day, because it allows
only so many reads for each payment (docs.stripe.com/rate-limits: 500, on an average of 30 days).
"""

from datetime import timedelta

from tallygate.adapters.store import inbox, provider_state
from tallygate.collection.provider import Books
from tallygate.core.failpoints import failpoint
from tallygate.workflows.installation import Installation

HINTS_KEPT = timedelta(days=30)


def forget_hints(installation: Installation, _books: Books | None = None) -> int:
    """Forget the hints that were settled more than 30 days ago; gives how many."""
    with installation.store.write() as tx:
        forgotten = inbox.prune(tx, installation.now - HINTS_KEPT)
        failpoint("upkeep.commit.before")
    return forgotten


def count_calls(installation: Installation, books: Books) -> int:
    """Note how often the provider was asked, and told, since this was noted last."""
    reads, writes = books.take_calls()
    if reads or writes:
        with installation.store.write() as tx:
            provider_state.add_calls(tx, installation.now.date(), reads, writes)
    return 0

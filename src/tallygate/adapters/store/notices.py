"""Whom is something to be told? Each thing once, by its key."""

from collections.abc import Collection

from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.records import Records
from tallygate.adapters.store.rows import within
from tallygate.adapters.store.tables.outbox import notices as table
from tallygate.collection.notices import Notice, NoticeKind

_notices = Records(table, Notice)


def queue(tx: Transaction, notice: Notice) -> bool:
    """Keep a notice, to be told; False where its key is there already, and nothing is kept."""
    if _notices.first(tx, table.c.key == notice.key) is not None:
        return False
    _notices.add(tx, notice)
    return True


def page(
    tx: Transaction,
    organization: str | None,
    after: str | None = None,
    limit: int = 100,
    *,
    billing_account: str | None = None,
    without: Collection[NoticeKind] = (),
) -> tuple[Notice, ...]:
    """An organization's notices (None: everybody's) by id, those that come after one.

    They can be narrowed to a billing account, and some kinds left out.
    """
    its = within(table.c.billing_account, billing_account)
    others = table.c.kind.not_in(sorted(without))
    return _notices.page(tx, organization, after, limit, its, others)


def of_account(tx: Transaction, billing_account: str) -> tuple[Notice, ...]:
    """All notices of an account, the oldest first."""
    asked = _notices.where(table.c.billing_account == billing_account)
    return _notices.all(tx, asked.order_by(table.c.id))

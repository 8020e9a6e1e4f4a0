"""What was intended at the payment provider, and how far has it come?

An intent is written down before it is carried out, so that whoever comes after a crash knows what
may have happened.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, func, select

from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.records import Records, in_parts
from tallygate.adapters.store.rows import within
from tallygate.adapters.store.tables.outbox import outbox as table
from tallygate.collection.records import IntentState, Written
from tallygate.core.period import to_micros

UNFINISHED: tuple[IntentState, ...] = ("waiting", "sent")

_outbox = Records(table, Written)
_UNFINISHED = _outbox.where(
    table.c.billing_account.in_(bindparam("accounts", expanding=True)),
    table.c.state.in_(UNFINISHED),
).order_by(table.c.id)


def write(tx: Transaction, written: Written) -> None:
    """Write an intent down."""
    _outbox.add(tx, written)


def save(tx: Transaction, written: Written) -> None:
    """Keep what became of an intent."""
    _outbox.save(tx, written)


def unfinished(tx: Transaction, billing_account: str) -> tuple[Written, ...]:
    """The intents of an account whose outcome is not known, in the order of their writing."""
    return _outbox.all(tx, _UNFINISHED, {"accounts": [billing_account]})


def having_unfinished(tx: Transaction, accounts: Collection[str]) -> set[str]:
    """Those of some accounts that have intents whose outcome is not known."""
    return {
        row.billing_account
        for part in in_parts(sorted(set(accounts)))
        for row in tx.execute(_UNFINISHED, {"accounts": part})
    }


def finished_before(tx: Transaction, billing_account: str, kind: str, body: str) -> int:
    """How often the very same was intended of an account before, and its outcome is known.

    What was superseded counts too: it may have been carried out, and its key is taken for a day.
    """
    asked = select(func.count()).where(
        table.c.billing_account == billing_account,
        table.c.kind == kind,
        table.c.state.not_in(UNFINISHED),
        table.c.body == body,
    )
    return int(tx.execute(asked).scalar_one())


def last_answer(tx: Transaction, billing_account: str, kind: str) -> str | None:
    """What was made by the latest intent of a kind of an account that was carried out."""
    asked = (
        select(table.c.answer)
        .where(
            table.c.billing_account == billing_account,
            table.c.kind == kind,
            table.c.state == "done",
        )
        .order_by(table.c.id.desc())
        .limit(1)
    )
    answer: str | None = tx.execute(asked).scalar_one_or_none()
    return answer


def page(
    tx: Transaction,
    organization: str | None,
    after: str | None = None,
    limit: int = 100,
    state: IntentState | None = None,
) -> tuple[Written, ...]:
    """An organization's intents (None: everybody's) in a state (None: any), by id, after one."""
    return _outbox.page(tx, organization, after, limit, within(table.c.state, state))


def older_than(tx: Transaction, instant: datetime) -> tuple[Written, ...]:
    """The intents that were written before an instant and whose outcome is not known."""
    asked = _outbox.where(table.c.state.in_(UNFINISHED), table.c.created_at < to_micros(instant))
    return _outbox.all(tx, asked.order_by(table.c.created_at, table.c.id))

"""Which billing accounts are to be looked at, and who is looking?

Whatever changes leaves a mark on its account, in the same transaction. Marks add up to one row:
the earliest one says when. A worker takes rows under a lease, so that two never attend the same
account; where a worker dies, its lease runs out and another one takes the row. A mark that comes
while an account is attended is kept beside the lease: the account is attended again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import bindparam, case, delete, func, insert, or_, select, update

from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.records import in_parts
from tallygate.adapters.store.rows import AnyRow, instant_of
from tallygate.adapters.store.tables.outbox import attention as table
from tallygate.core.period import from_micros, to_micros

_NOTED = ("marked_at", "not_before", "reason", "again_at")
_AGAIN = (
    update(table)
    .where(table.c.billing_account == bindparam("marked"))
    .values({name: bindparam(f"new_{name}") for name in _NOTED})
)
_LEASE = (
    update(table)
    .where(table.c.billing_account == bindparam("taken"))
    .values(
        lease=table.c.lease + 1,
        leased_until=bindparam("until"),
        tries=bindparam("new_tries"),
    )
)


_THESE = select(table).where(table.c.billing_account.in_(bindparam("accounts", expanding=True)))
_END = delete(table).where(table.c.billing_account == bindparam("taken"))
_LATER = (
    update(table)
    .where(table.c.billing_account == bindparam("taken"))
    .values(
        not_before=bindparam("from"),
        again_at=None,
        leased_until=None,
        tries=bindparam("new_tries"),
    )
)


class Marked(NamedTuple):
    """An account that was taken to be attended, under a lease.

    `tries` is how often it was attended since it was marked and has to be again.
    """

    billing_account: str
    organization: str
    marked_at: datetime
    reason: str
    tries: int
    lease: int


class Counts(NamedTuple):
    """How many accounts are due, attended right now, or marked for later.

    `oldest` is when the account was marked that has been due for the longest time.
    """

    due: int
    leased: int
    later: int
    oldest: datetime | None


def mark(
    tx: Transaction,
    billing_account: str,
    organization: str,
    at: datetime,
    reason: str,
    *,
    not_before: datetime | None = None,
) -> None:
    """Let an account be attended, now or not before an instant; the earliest mark wins."""
    mark_many(tx, {billing_account: organization}, at, reason, not_before=not_before)


def mark_many(
    tx: Transaction,
    accounts: Mapping[str, str],
    at: datetime,
    reason: str,
    *,
    not_before: datetime | None = None,
) -> None:
    """Let accounts be attended; `accounts` gives the organization of each."""
    now = to_micros(at)
    wanted = now if not_before is None else to_micros(not_before)
    for part in in_parts(sorted(accounts)):
        found = tx.execute(_THESE, {"accounts": part})
        known = {row.billing_account: row for row in found}
        new = [
            {
                "billing_account": account,
                "organization": accounts[account],
                "marked_at": now,
                "not_before": wanted,
                "reason": reason,
                "tries": 0,
                "lease": 0,
            }
            for account in part
            if account not in known
        ]
        if new:
            tx.execute(insert(table), new)
        if known:
            tx.execute(_AGAIN, [_marked_again(row, now, wanted, reason) for row in known.values()])


def take(tx: Transaction, at: datetime, most: int, lease_for: timedelta) -> tuple[Marked, ...]:
    """Take accounts that are due, those that have been due longest first, under a lease."""
    now = to_micros(at)
    due = (
        select(table)
        .where(
            table.c.not_before <= now,
            or_(table.c.leased_until.is_(None), table.c.leased_until <= now),
        )
        .order_by(table.c.not_before, table.c.billing_account)
        .limit(most)
    )
    taken = tuple(_taken(row) for row in tx.execute(due))
    until = to_micros(at + lease_for)
    if taken:
        tx.execute(
            _LEASE,
            [
                {"taken": one.billing_account, "until": until, "new_tries": one.tries}
                for one in taken
            ],
        )
    return taken


def finish(
    tx: Transaction, marked: Marked, at: datetime, again_at: datetime | None = None
) -> bool:
    """End a lease: the account goes, unless it is to be attended `again_at`, or was marked again.

    What is due again comes after what has been due all the while. False where the lease ran out
    and another one was given: then nothing changes.
    """
    return finish_all(tx, [(marked, again_at)], at) == 1


def finish_all(
    tx: Transaction, attended: Sequence[tuple[Marked, datetime | None]], at: datetime
) -> int:
    """End the leases of accounts, each with the instant to attend it again at, if there is one.

    Gives how many there were: not those that ran out, whose accounts another one has.
    """
    leases = {marked.billing_account: (marked, again_at) for marked, again_at in attended}
    ended: list[dict[str, Any]] = []
    again: list[dict[str, Any]] = []
    for part in in_parts(sorted(leases)):
        for row in tx.execute(_THESE, {"accounts": part}):
            marked, again_at = leases[row.billing_account]
            if row.lease != marked.lease:
                continue
            wishes = [row.again_at, None if again_at is None else to_micros(again_at)]
            wanted = [micros for micros in wishes if micros is not None]
            its = {"taken": row.billing_account}
            if not wanted:
                ended.append(its)
                continue
            tries = 0 if again_at is None else row.tries + 1
            again.append(its | {"from": max(min(wanted), to_micros(at)), "new_tries": tries})
    if ended:
        tx.execute(_END, ended)
    if again:
        tx.execute(_LATER, again)
    return len(ended) + len(again)


def counts(tx: Transaction, at: datetime) -> Counts:
    """How many accounts wait, and since when."""
    now = to_micros(at)
    leased = table.c.leased_until > now
    due = (table.c.not_before <= now) & ~func.coalesce(leased, False)
    asked = select(
        func.count(case((due, 1))),
        func.count(case((leased, 1))),
        func.count(),
        func.min(case((due, table.c.marked_at))),
    ).select_from(table)
    waiting, attended, everything, oldest = tx.execute(asked).one()
    return Counts(waiting, attended, everything - waiting - attended, instant_of(oldest))


def _marked_again(row: AnyRow, now: int, wanted: int, reason: str) -> dict[str, Any]:
    """A row that is there, with another mark: beside its lease, if it has one."""
    new = {name: getattr(row, name) for name in _NOTED}
    if row.leased_until is not None:
        earliest = wanted if row.again_at is None else min(row.again_at, wanted)
        new |= {"again_at": earliest, "marked_at": now, "reason": reason}
    elif wanted < row.not_before:
        new |= {"not_before": wanted, "reason": reason}
    return {"marked": row.billing_account} | {f"new_{name}": new[name] for name in new}


def _taken(row: AnyRow) -> Marked:
    lost = row.leased_until is not None  # whoever had it did not come to its end
    return Marked(
        row.billing_account,
        row.organization,
        from_micros(row.marked_at),
        row.reason,
        row.tries + lost,
        row.lease + 1,
    )

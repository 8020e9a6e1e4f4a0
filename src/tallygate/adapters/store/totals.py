"""Which running totals of usage were reported, in which revision, and were they counted?"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Select, and_, bindparam, func, select

from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.records import Records, in_parts
from tallygate.adapters.store.rows import instant_of
from tallygate.adapters.store.tables.collection import reported_totals as table
from tallygate.collection.records import ReportedTotal, TotalState
from tallygate.core.period import to_micros

_totals = Records(table, ReportedTotal)
_ORDER = (table.c.period_start, table.c.price, table.c.revision)
_PERIOD = (table.c.subscription, table.c.price, table.c.period_start)
# Of the hundreds of revisions that a period may have, the index alone is read.
_LATEST = (
    select(*_PERIOD, func.max(table.c.revision).label("revision"))
    .where(
        table.c.subscription.in_(bindparam("subscriptions", expanding=True)),
        table.c.period_start.in_(bindparam("starts", expanding=True)),
    )
    .group_by(*_PERIOD)
    .subquery()
)
_NEWEST = (
    select(table)
    .join(_LATEST, and_(*(table.c[column.name] == column for column in _LATEST.c)))
    .order_by(table.c.subscription, *_ORDER)
)
_IDENTIFIED = _totals.where(
    table.c.identifier.in_(bindparam("identifiers", expanding=True))
).order_by(table.c.identifier)
_HAVING_WAITING = (
    select(table.c.billing_account)
    .where(
        table.c.billing_account.in_(bindparam("accounts", expanding=True)),
        table.c.state == "waiting",
    )
    .distinct()
)


def add(tx: Transaction, total: ReportedTotal) -> None:
    """Keep a new revision of a total."""
    _totals.add(tx, total)


def add_all(tx: Transaction, new: Sequence[ReportedTotal]) -> None:
    """Keep new revisions."""
    _totals.add_all(tx, new)


def save(tx: Transaction, total: ReportedTotal) -> None:
    """Keep a revision as it stands now."""
    _totals.save(tx, total)


def save_all(tx: Transaction, changed: Sequence[ReportedTotal]) -> None:
    """Keep revisions as they stand now."""
    _totals.save_all(tx, changed)


def latest(
    tx: Transaction, subscription: str, price: str, period_start: datetime
) -> ReportedTotal | None:
    """The newest revision of the total of a price in a period, if there is one."""
    asked = _of_period(subscription, period_start).where(table.c.price == price)
    return next(iter(_totals.all(tx, asked.order_by(table.c.revision.desc()).limit(1))), None)


def of_period(
    tx: Transaction, subscription: str, period_start: datetime
) -> tuple[ReportedTotal, ...]:
    """Every revision of every total in a period, by price, the newest last."""
    return _totals.all(tx, _of_period(subscription, period_start).order_by(*_ORDER))


def newest(
    tx: Transaction, periods: Collection[tuple[str, datetime]]
) -> dict[tuple[str, datetime], dict[str, ReportedTotal]]:
    """The newest revision of each total in some periods, by price.

    A period is that of a subscription which begins at an instant; those without any are left out.
    """
    wanted = set(periods)
    found: dict[tuple[str, datetime], dict[str, ReportedTotal]] = {}
    for part in in_parts(sorted({subscription for subscription, _ in wanted})):
        ids = set(part)
        starts = sorted({to_micros(start) for id_, start in wanted if id_ in ids})
        for one in _totals.all(tx, _NEWEST, {"subscriptions": part, "starts": starts}):
            period = (one.subscription, one.period.start)
            if period in wanted:
                found.setdefault(period, {})[one.price] = one
    return found


def having_waiting(tx: Transaction, accounts: Collection[str]) -> set[str]:
    """Those of some accounts of which something was written and not sent."""
    return {
        account
        for part in in_parts(sorted(set(accounts)))
        for account in tx.execute(_HAVING_WAITING, {"accounts": part}).scalars()
    }


def of_account(
    tx: Transaction, billing_account: str, states: Collection[TotalState]
) -> tuple[ReportedTotal, ...]:
    """The revisions of an account that are in one of some states, the oldest periods first."""
    asked = _totals.where(
        table.c.billing_account == billing_account, table.c.state.in_(sorted(states))
    )
    return _totals.all(tx, asked.order_by(table.c.subscription, *_ORDER))


def by_identifiers(tx: Transaction, identifiers: Collection[str]) -> tuple[ReportedTotal, ...]:
    """The revisions that bear these identifiers."""
    return tuple(
        total
        for part in in_parts(sorted(set(identifiers)))
        for total in _totals.all(tx, _IDENTIFIED, {"identifiers": part})
    )


def last_sent(tx: Transaction, billing_account: str) -> datetime | None:
    """When a total of an account was sent last; None: none ever was."""
    asked = select(func.max(table.c.sent_at)).where(table.c.billing_account == billing_account)
    return instant_of(tx.execute(asked).scalar_one())


def waiting(tx: Transaction, limit: int) -> tuple[ReportedTotal, ...]:
    """The revisions that were not sent yet, those that were made first before the others."""
    asked = _totals.where(table.c.state == "waiting")
    return _totals.all(
        tx, asked.order_by(table.c.created_at, table.c.subscription, *_ORDER).limit(limit)
    )


def _of_period(subscription: str, period_start: datetime) -> Select[tuple[object, ...]]:
    return _totals.where(
        table.c.subscription == subscription, table.c.period_start == to_micros(period_start)
    )

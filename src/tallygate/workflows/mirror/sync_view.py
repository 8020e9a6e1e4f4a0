"""What of usage is at the provider, and what would a sync report?

Read-only: for each metered price of each period, what was reported so far, what it comes to now,
and what the provider shows. A period that is closed is never reported again: what came late for it
is the adjustment that the next invoice will have.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

from tallygate.adapters.store import Transaction, customers, mirrors
from tallygate.collection.provider import Books
from tallygate.collection.records import ReportedTotal
from tallygate.collection.totals import next_report, whole_minutes
from tallygate.collection.wanted import meter_event
from tallygate.core.errors import NotFound, Refused
from tallygate.core.money import Money
from tallygate.core.period import Period
from tallygate.invoicing.adjustment import late_lines
from tallygate.subscriptions.calendar import closed_windows, window
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.contracts import contract_of, find_subscription
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.running_totals import (
    RunningTotal,
    latest_of,
    mirrored,
    running_totals,
)

ACCOUNTS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Standing:
    """How a metered price of a period stands, in base units beyond what is included.

    `reported` is what we have said last, `total` what it comes to now (None: the period is
    closed), `shown` what the provider has counted. `changes`: a sync would report the total.
    `adjustment` is what the next invoice will have for a closed period.
    """

    billing_account: str
    subscription: str
    price: str
    period: Period
    reported: int | None = None
    total: int | None = None
    shown: int | None = None
    changes: bool = False
    adjustment: Money | None = None
    note: str = ""


def standings(
    installation: Installation, books: Books, billing_account: str, month: date | None = None
) -> tuple[Standing, ...]:
    """How the usage of an account stands: its open window, or the periods that begin in a month.

    Raises:
        Refused: the provider refuses to show it.
        Unreachable: it does not answer.
    """
    at = installation.now
    with installation.store.read() as tx:
        customer = customers.customer_of(tx, billing_account)
        found = mirrored(tx, billing_account)
        told: list[Standing] = []
        if month is not None:
            for mirror in mirrors.of_account(tx, billing_account):
                subscription = find_subscription(tx, mirror.subscription)
                told += _closed(tx, installation, subscription, month, at)
        if found is not None and begins_in(window(found.subscription), month):
            measured = running_totals(tx, found, at)
            told += [_open(one, at) for one in measured]
    if customer is None:
        return ()
    return tuple(_shown(books, customer, one) for one in told)


def begins_in(period: Period, month: date | None) -> bool:
    """Whether a period begins in a calendar month (in UTC), given by any of its days."""
    start = period.start
    return month is None or (start.year, start.month) == (month.year, month.month)


def every_account(installation: Installation) -> Iterator[str]:
    """The accounts that are customers at the provider."""
    after: str | None = None
    while True:
        with installation.store.read() as tx:
            some = customers.linked(tx, after, ACCOUNTS_AT_ONCE)
        yield from (one.billing_account for one in some)
        if len(some) < ACCOUNTS_AT_ONCE:
            return
        after = some[-1].billing_account


def account_of_item(installation: Installation, books: Books, item: str) -> tuple[str, str]:
    """The account, and the price key, of an item of a subscription at the provider.

    Customers are looked at one after another until one has it.

    Raises:
        NotFound: none of ours has it.
        Unreachable: the provider does not answer.
    """
    for account in every_account(installation):
        with installation.store.read() as tx:
            found = mirrored(tx, account)
        if found is None:
            continue
        there = books.look(found.customer, installation.now).subscription(found.mirror.provider_id)
        for one in () if there is None else there.items:
            if one.id == item and one.key is not None:
                return account, one.key
    raise NotFound(f"No subscription of ours has an item {item[:128]!r} at {books.name}.")


def _open(one: RunningTotal, at: datetime) -> Standing:
    latest = one.latest
    waits = latest is not None and latest.state == "waiting"
    report = next_report(one.price, latest, one.total, at)
    notes = [f"rated here: {one.why}"] if one.why else []
    return Standing(
        billing_account=one.price.billing_account,
        subscription=one.price.subscription,
        price=one.price.price,
        period=one.price.period,
        reported=_said(latest),
        total=one.total,
        changes=waits or report is not None,
        note="; ".join([*notes, *_problem(latest)]),
    )


def _closed(
    tx: Transaction,
    installation: Installation,
    subscription: Subscription,
    month: date,
    at: datetime,
) -> Iterator[Standing]:
    """The periods of a subscription that begin in a month and were closed, price by price."""
    since = at - installation.settings.accept_past
    periods = [one for one in closed_windows(subscription, since) if begins_in(one, month)]
    if not periods:
        return
    contract = replace(contract_of(tx, installation, subscription, at), before=())
    late = [line for line in late_lines(contract, since) if line.meter is not None]
    for period in periods:
        latest = latest_of(tx, subscription.id, period)
        owed = dict.fromkeys(latest, 0)
        for line in late:
            if line.period.start in period:
                owed[line.price] = owed.get(line.price, 0) + line.amount
        for price, amount in owed.items():
            yield Standing(
                billing_account=subscription.billing_account,
                subscription=subscription.id,
                price=price,
                period=period,
                reported=_said(latest.get(price)),
                adjustment=Money(amount, subscription.currency),
                note="; ".join(["closed", *_problem(latest.get(price))]),
            )


def _shown(books: Books, customer: str, one: Standing) -> Standing:
    minutes = whole_minutes(one.period)
    if minutes.start == minutes.end:
        return one
    try:
        return replace(one, shown=books.counted(customer, meter_event(one.price), minutes))
    except Refused as refusal:
        return replace(one, note="; ".join(filter(None, [one.note, str(refusal)])))


def _said(latest: ReportedTotal | None) -> int | None:
    return None if latest is None or latest.state == "failed" else latest.total


def _problem(latest: ReportedTotal | None) -> list[str]:
    if latest is None:
        return []
    match latest.state:
        case "waiting":
            return ["not sent yet"]
        case "failed":
            return [f"failed: {latest.problem}"]
        case _:
            return []

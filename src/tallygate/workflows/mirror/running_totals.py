"""What is the running total of each metered price now, and what was reported of it?

The usage is measured and rated by the function that makes the preview and the invoice; only what
the provider's subscription is to have an item for has a total.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from tallygate.adapters.store import Transaction, customers, mirrors, subscriptions, totals
from tallygate.adapters.store import installation as installations
from tallygate.collection.contracted import HeldPrices, what_to_have
from tallygate.collection.held import HeldPrice
from tallygate.collection.records import Mirror, ReportedTotal
from tallygate.collection.seen import OVER, SeenItem
from tallygate.collection.totals import ReportedPrice, divide
from tallygate.collection.wanted import meter_event
from tallygate.core.period import Period
from tallygate.invoicing.contract import Contract
from tallygate.invoicing.metered import metered_lines
from tallygate.subscriptions.calendar import due, end_of, window
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.mirror.dues import PriceLists
from tallygate.workflows.usage_known import StoredUsage, read_shared


@dataclass(frozen=True, slots=True)
class RunningTotal:
    """The total of a price in the open window, in base units beyond what is included.

    `terms` are those that the provider's item of it is to have. `latest` is the newest revision
    that was reported of it. `why`: its line is rated here, for this reason, and so its total there
    is 0.
    """

    price: ReportedPrice
    total: int
    terms: HeldPrice | None = None
    latest: ReportedTotal | None = None
    why: str = ""

    def has_item(self, there: Iterable[SeenItem]) -> bool:
        """Whether the provider's subscription has an item of this price, on these terms.

        One that somebody else made is taken as it is.
        """
        return any(
            item.key == self.price.price
            and (item.price.made_for is None or item.price.terms == self.terms)
            for item in there
        )


class Mirrored(NamedTuple):
    """A subscription of ours that is to be billed, the provider's of it, and the customer."""

    subscription: Subscription
    mirror: Mirror
    customer: str


def mirrored(tx: Transaction, billing_account: str) -> Mirrored | None:
    """The subscription of an account whose usage the provider bills; None: there is none."""
    return mirrored_of(tx, [billing_account]).get(billing_account)


def mirrored_of(tx: Transaction, accounts: Collection[str]) -> dict[str, Mirrored]:
    """The same of each of some accounts that have one."""
    linked = customers.customers_of(tx, accounts)
    open_ = {
        account: [one for one in reversed(theirs) if due(one) is not None]
        for account, theirs in subscriptions.of_accounts(tx, linked).items()
    }
    known = mirrors.of_subscriptions(tx, {one.id for theirs in open_.values() for one in theirs})
    found: dict[str, Mirrored] = {}
    for account, theirs in open_.items():
        for subscription in theirs:
            mirror = known.get(subscription.id)
            if mirror is not None and mirror.status not in OVER:
                found[account] = Mirrored(subscription, mirror, linked[account])
                break
    return found


def running_totals(tx: Transaction, found: Mirrored, at: datetime) -> tuple[RunningTotal, ...]:
    """The totals of the open window with what is known at an instant, in the catalog's order.

    A price that was reported in this window, and has no line any more, has a total of 0.
    """
    return running_totals_of(tx, [found], at)[0]


def running_totals_of(
    tx: Transaction, found: Sequence[Mirrored], at: datetime
) -> list[tuple[RunningTotal, ...]]:
    """The same of several subscriptions, in their order: all but usage is asked for once."""
    if not found:
        return []
    asked = [(one.subscription, _span(one.subscription, at)) for one in found]
    shared, lists = read_shared(tx, asked), PriceLists.stored(tx)
    periods = [(one.subscription.id, window(one.subscription).start) for one in found]
    latest, named = totals.newest(tx, periods), installation_name(tx)
    return [
        _running_totals(
            one,
            Contract(
                subscription=one.subscription,
                catalogs=lists.catalogs,
                usage=StoredUsage(tx, one.subscription, span, at, shared),
                applied=lists.applied,
            ),
            lists.held,
            latest=latest.get(period, {}),
            named=named,
            at=at,
        )
        for one, (_, span), period in zip(found, asked, periods, strict=True)
    ]


def _running_totals(
    found: Mirrored,
    contract: Contract,
    held: HeldPrices,
    *,
    latest: Mapping[str, ReportedTotal],
    named: str,
    at: datetime,
) -> tuple[RunningTotal, ...]:
    """The totals of one subscription; `contract` knows its open window, nothing of the past."""
    subscription, open_window = found.subscription, window(found.subscription)
    end = end_of(subscription)
    ending = end is not None and end <= open_window.end
    lines = metered_lines(contract, open_window, ending=ending)
    division = divide(subscription, open_window, lines, held)
    wanted = {item.price.key: item.price for item in what_to_have(contract, held, at).metered}
    reasons = {one.line.price: one.why for one in division.rated}
    known = {key: total for key, total in division.totals.items() if key in wanted}
    known |= {key: 0 for key in latest if key not in known}
    return tuple(
        RunningTotal(
            reported_price(named, subscription, found.customer, key, open_window),
            total,
            wanted.get(key),
            latest.get(key),
            reasons.get(key, ""),
        )
        for key, total in known.items()
    )


def _span(subscription: Subscription, at: datetime) -> Period:
    """All instants that the totals of the open window look at."""
    open_window = window(subscription)
    return Period(open_window.start, max(open_window.end, at) + timedelta(days=1))


def latest_of(tx: Transaction, subscription: str, period: Period) -> dict[str, ReportedTotal]:
    """The newest revision of each total of a period, by price."""
    asked = (subscription, period.start)
    return totals.newest(tx, [asked]).get(asked, {})


def reported_price(
    installation: str, subscription: Subscription, customer: str, key: str, period: Period
) -> ReportedPrice:
    """A metered price of a subscription in a period, as it is reported for a customer."""
    return ReportedPrice(
        installation=installation,
        subscription=subscription.id,
        organization=subscription.organization,
        billing_account=subscription.billing_account,
        customer=customer,
        price=key,
        event=meter_event(key),
        period=period,
    )


def installation_name(tx: Transaction) -> str:
    """What names this installation, and its epoch, in the identifiers of totals."""
    known = installations.identity(tx)
    return "" if known is None else f"{known.id}/{known.epoch}"

"""What did an account use, and what does that come to?

Read out of the log like everything else: quantities as the meters measure them, costs as the
metered lines of an invoice, before coupons and tax. A stretch of time is looked at in the windows
that the account's subscription bills; an account without one is as on a free plan, by the month.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce
from typing import NamedTuple

from tallygate.accounts.model import BillingAccount
from tallygate.accounts.payers import Stretch
from tallygate.adapters.store import Transaction, subscriptions
from tallygate.adapters.store.catalogs import versions
from tallygate.adapters.store.stretches import stretches_of
from tallygate.adapters.store.usage_log import StoreLog
from tallygate.catalog.model import Meter
from tallygate.core.errors import Invalid
from tallygate.core.money import main_units
from tallygate.core.period import Period
from tallygate.core.quantity import EXACT
from tallygate.invoicing.contract import Contract
from tallygate.invoicing.metered import metered_lines
from tallygate.metering.measure import measure
from tallygate.subscriptions.calendar import end_of, phase_at, whole_period, window_at
from tallygate.subscriptions.model import Phase, Subscription
from tallygate.workflows.accounts import locate_account
from tallygate.workflows.contracts import StoredCatalogs, latest
from tallygate.workflows.installation import Installation
from tallygate.workflows.usage_known import StoredUsage

MOST_DAYS = 366
FREE = ""
"""The plan, and the subscription, of an account that has none."""


class MetricUsage(NamedTuple):
    """What was used of one meter, and what it costs, in the currency's main unit."""

    meter: Meter
    quantity: Decimal
    cost: Decimal


class Terms(NamedTuple):
    """A window without a boundary in it, and what the account was subscribed to then."""

    subscription: Subscription
    window: Period


@dataclass(frozen=True, slots=True)
class AccountUsage:
    """What an account used in a period; `parts` tell it by the windows that are billed."""

    billing_account: str
    period: Period
    currency: str
    metrics: tuple[MetricUsage, ...]
    parts: "tuple[AccountUsage, ...]" = ()

    @property
    def cost(self) -> Decimal:
        """What all of it costs."""
        return total(one.cost for one in self.metrics)


def usage_history(
    installation: Installation, account: str, period: Period, *, tenant: str | None = None
) -> AccountUsage:
    """What an account used in a period that is over, or so far, window by window.

    `account` is our id, or the platform's own, of a billing account or an organization. Amounts
    that add up are the windows' sums; a level is what it was over all of the period. Where only a
    part of a window was asked about, allowances are in proportion.

    Raises:
        NotFound: the tenant has no such account.
        Conflict: no price list was applied yet.
        Invalid: the period is too long, or reaches into the future.
    """
    if period.end > installation.now:
        raise Invalid("periodEnd lies in the future.", param="periodEnd")
    if period.end - period.start > timedelta(days=MOST_DAYS):
        raise Invalid(f"Ask for at most {MOST_DAYS} days.", param="periodStart")
    with installation.store.read() as tx:
        asked = AccountQuestion(tx, locate_account(tx, account, tenant), installation.now)
        parts = tuple(asked.usage(terms) for terms in asked.windows(period))
        return asked.joined(period, parts)


def total(numbers: Iterable[Decimal]) -> Decimal:
    """The sum of some numbers, exactly."""
    return reduce(EXACT.add, numbers, Decimal(0))


class AccountQuestion:
    """What is asked about one account, in one transaction, as of one instant."""

    def __init__(self, tx: Transaction, account: BillingAccount, at: datetime) -> None:
        self.tx = tx
        self.account = account
        self.at = at
        self._version, newest = latest(tx)
        self._applied = versions(tx)
        self._catalogs = StoredCatalogs(tx, self._applied)
        self._subscriptions = subscriptions.of_account(tx, account.id)
        self._paid: dict[Period, tuple[Stretch, ...]] = {}
        self.currency = account.currency or newest.currencies[0]

    def current(self) -> Terms:
        """The window that is billed next, around the instant."""
        one, window = window_at(self._subscriptions, self.at)
        return Terms(one or self._free(window.start), window)

    def windows(self, period: Period) -> list[Terms]:
        """A period, cut at every boundary."""
        found, start = [], period.start
        while start < period.end:
            one, whole = window_at(self._subscriptions, start)
            window = Period(start, min(whole.end, period.end))
            found.append(Terms(one or self._free(start), window))
            start = window.end
        return found

    def paid(self, window: Period) -> tuple[Stretch, ...]:
        """What the account pays for, and when."""
        if window not in self._paid:
            self._paid[window] = stretches_of(self.tx, self.account.id, window)
        return self._paid[window]

    def so_far(self, window: Period) -> Period:
        """The part of a window that has passed."""
        return Period(window.start, max(min(window.end, self.at), window.start))

    def usage(self, terms: Terms, expected: StoredUsage | None = None) -> AccountUsage:
        """What was used by each meter, and what the metered lines say that it costs.

        `expected` answers in place of what is known.
        """
        subscription, window = terms
        known = expected or StoredUsage(self.tx, subscription, window, self.at)
        whole = whole_period(subscription, window.start)
        owed = self._owed(terms, known)
        version = phase_at(subscription, window.start).catalog_version
        metrics = tuple(
            MetricUsage(
                meter,
                known.measured(meter, window, whole, None),
                main_units(owed.get(meter.key, 0), self.currency),
            )
            for meter in self._catalogs[version].meters.values()
        )
        return AccountUsage(self.account.id, window, self.currency, metrics)

    def joined(self, period: Period, parts: Sequence[AccountUsage]) -> AccountUsage:
        """What the windows of a period come to together."""
        by_key: dict[str, list[MetricUsage]] = {}
        for part in parts:
            for one in part.metrics:
                by_key.setdefault(one.meter.key, []).append(one)
        found = []
        for metrics in by_key.values():
            meter = metrics[-1].meter
            quantity = total(one.quantity for one in metrics)
            if meter.is_level:
                quantity = measure(meter, self.paid(period), period, StoreLog(self.tx))
            found.append(MetricUsage(meter, quantity, total(one.cost for one in metrics)))
        return AccountUsage(self.account.id, period, self.currency, tuple(found), tuple(parts))

    def _owed(self, terms: Terms, known: StoredUsage) -> dict[str | None, int]:
        """What the metered lines of a window come to, by meter, in minor units."""
        subscription, window = terms
        owed: dict[str | None, int] = {}
        if subscription.id == FREE:
            return owed
        contract = Contract(subscription, self._catalogs, known, applied=self._applied)
        end = end_of(subscription)
        ending = end is not None and end <= window.end
        for line in metered_lines(contract, window, ending=ending):
            owed[line.meter] = owed.get(line.meter, 0) + line.amount
        return owed

    def _free(self, at: datetime) -> Subscription:
        """What stands for a subscription while there is none: the month, and no prices."""
        month = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return Subscription(
            id=FREE,
            organization=self.account.organization,
            billing_account=self.account.id,
            currency=self.currency,
            started_at=month,
            anchor=month,
            billed_until=month,
            phases=(Phase(FREE, "month", self._version, month),),
        )

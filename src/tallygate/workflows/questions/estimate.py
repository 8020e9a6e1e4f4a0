"""What would an account owe more if something happened, and what every month from then on?

Two contracts are compared: one as it is, one as it would be. The first charge is the next invoice
of the one less the next invoice of the other, both made by the functions that close a period; so
the number quoted is the number invoiced, if nothing else happens until then. The monthly estimate
does the same with the first whole month. Nothing is stored.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

from tallygate.accounts.model import BillingAccount
from tallygate.adapters.store import Transaction, invoices
from tallygate.adapters.store.catalogs import price_lists
from tallygate.adapters.store.trees import Tree
from tallygate.catalog.model import Catalog, Price
from tallygate.core.errors import Conflict, Invalid
from tallygate.core.period import Period, add_months, instant_text
from tallygate.invoicing.adjustment import late_lines
from tallygate.invoicing.assemble import coupons_on
from tallygate.invoicing.contract import Contract, plan_of
from tallygate.invoicing.counted import counted_in_advance
from tallygate.invoicing.metered import metered_lines
from tallygate.invoicing.model import Invoice, InvoiceReason
from tallygate.rating.discounts import apply_coupons
from tallygate.rating.line import Line
from tallygate.rating.rate import rate_flat
from tallygate.subscriptions.calendar import (
    base_period,
    closed_windows,
    due,
    end_of,
    in_trial,
    next_boundary,
    phase_at,
    whole_period,
)
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.contracts import NO_PRICE_LIST, StoredCatalogs, closing_with, contract_of
from tallygate.workflows.installation import Installation
from tallygate.workflows.questions.supposed import SupposedLife, SupposedUsage
from tallygate.workflows.usage_known import read_shared

FARTHEST_AHEAD = timedelta(days=366)
"""A price is quoted for an instant that lies so far ahead at most."""

MONTHS_FORESEEN = 3
"""So many months after the instant are looked at: to the next boundary, and a whole one after."""

Act = Literal["create", "resize", "delete", "change_plan"]


class Payer(NamedTuple):
    """The account that will be charged, and why it is this one.

    `begins` says that it has no subscription that costs something: one begins at the instant.
    """

    account: BillingAccount
    currency: str
    why: str
    subscription: str | None
    plan: str | None
    begins: bool


class Priced(NamedTuple):
    """A price that counts for what is quoted: whose version, and what it says."""

    price: Price
    catalog_version: int
    unit: str
    description: tuple[str, ...]


class Allowance(NamedTuple):
    """What a price includes in the period around the instant: what was used so far, what is left.

    A count is the one at the instant.
    """

    price: str
    meter: str | None
    unit: str
    included: Decimal
    used: Decimal
    left: Decimal
    period: Period


class Difference(NamedTuple):
    """What one price owes for one period before and after, in minor units, net of coupons.

    `line` explains the amount after; where there is none any more, the amount before.
    """

    line: Line
    before: int
    after: int

    @property
    def more(self) -> int:
        """What it owes more; below zero, less."""
        return self.after - self.before


class Charge(NamedTuple):
    """What the invoice of a date has more, in minor units, with the lines that differ."""

    dated: datetime
    reason: InvoiceReason
    differences: tuple[Difference, ...]
    before: int
    after: int

    @property
    def amount(self) -> int:
        """What the invoice has more; below zero, less."""
        return self.after - self.before


class Monthly(NamedTuple):
    """What a whole month, the first one, costs more, in minor units."""

    period: Period
    differences: tuple[Difference, ...]

    @property
    def amount(self) -> int:
        """What the month costs more; below zero, less."""
        return sum(one.more for one in self.differences)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What something would cost, before tax: nothing of it has happened.

    `at` is the instant that it is quoted for: done as of then, it comes to just that.
    `first_charge` is None where no invoice will differ, `monthly` where there is no whole month to
    come. `notes` are sentences for whoever reads it.
    """

    act: Act
    at: datetime
    organization: str
    payer: Payer
    prices: tuple[Priced, ...]
    allowances: tuple[Allowance, ...]
    first_charge: Charge | None
    monthly: Monthly | None
    notes: tuple[str, ...] = ()

    @property
    def is_free(self) -> bool:
        """Whether nothing that is priced is touched."""
        return not self.prices


class Around(NamedTuple):
    """What is read once for all that is foreseen of an organization's accounts.

    `tree` is what is there of the organization; `applied` says when each version of the price
    list was, and `newest` is the last of them.
    """

    tree: Tree
    applied: Mapping[int, datetime]
    newest: Catalog

    @property
    def version(self) -> int:
        """The number of the newest price list."""
        return max(self.applied)

    def catalogs(self, tx: Transaction) -> StoredCatalogs:
        """The price lists; the older ones are read when they are asked for."""
        return StoredCatalogs(tx, self.applied, {self.version: self.newest})

    def usage(
        self, tx: Transaction, subscription: Subscription, span: Period, until: datetime
    ) -> SupposedUsage:
        """What an account uses within a span, up to an instant, if all goes on as it is."""
        shared = read_shared(tx, [(subscription, span)], self.tree)
        return SupposedUsage(tx, subscription, span, until, shared)


def read_around(tx: Transaction, tree: Tree) -> Around:
    """What is read once, beside an organization's tree.

    Raises:
        Conflict: there is no price list.
    """
    found = price_lists(tx)
    if found is None:
        raise Conflict(NO_PRICE_LIST)
    return Around(tree, *found)


class Supposition(NamedTuple):
    """A contract as it is (None: there is none), one as it would be, and from when on."""

    before: Contract | None
    after: Contract
    at: datetime


def check_instant(installation: Installation, at: datetime) -> None:
    """Make sure that an instant can be quoted for.

    Raises:
        Invalid: nothing can happen so long ago any more, or it lies too far ahead.
    """
    accepted = installation.settings.accept_past
    if at < installation.now - accepted:
        raise Invalid(f"`at` lies more than {accepted.days} days ago.", param="at")
    if at > installation.now + FARTHEST_AHEAD:
        raise Invalid(f"`at` lies more than {FARTHEST_AHEAD.days} days ahead.", param="at")


def contract_around(
    tx: Transaction,
    installation: Installation,
    subscription: Subscription,
    at: datetime,
    *,
    around: Around,
    until: datetime | None = None,
) -> Contract:
    """What is needed of a contract to foresee the invoices from an instant on, or from `until`.

    All that is known where the instant lies in what was billed, so that adjustments come of it.
    """
    now = installation.now
    latest = max(at, until or at, now, subscription.billed_until, subscription.trial_end or at)
    horizon = add_months(latest, MONTHS_FORESEEN)

    if at < subscription.billed_until:
        accepted = now - installation.settings.accept_past

        def ahead(one: Contract) -> Contract:
            closed = closed_windows(one.subscription, accepted)
            start = next((window.start for window in closed), one.subscription.billed_until)
            span = Period(start, max(horizon, start))
            return replace(
                one,
                usage=around.usage(tx, one.subscription, span, horizon),
                before=tuple(ahead(ended) for ended in one.before),
            )

        return ahead(contract_of(tx, installation, subscription, now))
    billed_until = subscription.billed_until
    start = min(billed_until, whole_period(subscription, billed_until).start)
    base = base_period(subscription, billed_until)
    return Contract(
        subscription=subscription,
        catalogs=around.catalogs(tx),
        usage=around.usage(tx, subscription, Period(start, horizon), horizon),
        billed=invoices.of_subscription(tx, subscription.id, min(base.start, start)),
        applied=around.applied,
    )


def supposing(contract: Contract, lives: Sequence[SupposedLife]) -> Contract:
    """The contract, and those before it, with other lives of resources."""
    assert isinstance(contract.usage, SupposedUsage), "it came from `contract_around`"
    return replace(
        contract,
        usage=contract.usage.supposing(lives),
        before=tuple(supposing(one, lives) for one in contract.before),
    )


def first_charge(installation: Installation, supposed: Supposition) -> Charge | None:
    """What the first invoice that is dated at the instant or after it has more.

    Earlier boundaries that are still to be closed are the same in both.
    """
    after = _next_invoice(installation, supposed.after, supposed.at)
    if after is None:
        return None
    if supposed.before is None:
        return charge_of(after) if after.lines else None
    before = _next_invoice(installation, supposed.before, supposed.at)
    differences = _differences(() if before is None else before.lines, after.lines)
    if not differences:
        return None
    total = 0 if before is None else before.total
    return Charge(after.dated, after.reason, differences, total, after.total)


def charge_of(invoice: Invoice) -> Charge:
    """A whole invoice that there would not be: all of its lines, of 0 too."""
    lines = tuple(Difference(line, 0, line.net) for line in invoice.lines)
    return Charge(invoice.dated, invoice.reason, lines, 0, invoice.total)


def first_month(supposed: Supposition) -> Monthly | None:
    """What the first whole month from the instant on costs more; None where there is none.

    A yearly amount counts with a twelfth.
    """
    month = _month_from(supposed.after.subscription, supposed.at)
    if month is None:
        return None
    lines = () if supposed.before is None else _lines_of_month(supposed.before, month)
    return Monthly(month, _differences(lines, _lines_of_month(supposed.after, month)))


def _next_invoice(installation: Installation, contract: Contract, at: datetime) -> Invoice | None:
    while True:
        boundary = due(contract.subscription)
        if boundary is None:
            return None
        adjustments: Iterable[Line] = ()
        if at < contract.subscription.billed_until:
            # Without the instant in a closed period, what came late is the same in both.
            settings = installation.settings
            adjustments = late_lines(
                contract, boundary + settings.close_delay - settings.accept_past
            )
        closing = closing_with(contract, adjustments, 0)
        if boundary >= at:
            return closing.invoice or _nothing(contract, boundary)
        contract = closing.contract


def _nothing(contract: Contract, dated: datetime) -> Invoice:
    """The invoice of a boundary that has nothing on it."""
    subscription = contract.subscription
    return Invoice(
        id="",
        organization=subscription.organization,
        billing_account=subscription.billing_account,
        subscription=subscription.id,
        reason="boundary",
        currency=subscription.currency,
        dated=dated,
        period=Period(dated, dated),
        position=0,
        lines=(),
    )


def _differences(before: Iterable[Line], after: Iterable[Line]) -> tuple[Difference, ...]:
    """What differs between two sets of lines, by price, period and what is corrected."""
    found: dict[tuple[str, Period, str], Difference] = {}
    for lines, then in ((after, True), (before, False)):
        for line in lines:
            place = (line.price, line.period, line.corrects)
            known = found.get(place) or Difference(line, 0, 0)
            if then:
                found[place] = known._replace(after=known.after + line.net)
            else:
                found[place] = known._replace(before=known.before + line.net)
    return tuple(one for one in found.values() if one.more)


def _month_from(subscription: Subscription, at: datetime) -> Period | None:
    """The first whole period of a subscription that begins at an instant or after it."""
    if in_trial(subscription, at) or whole_period(subscription, at).start != at:
        start = next_boundary(subscription, at)
    else:
        start = at
    end = end_of(subscription)
    if end is not None and end <= start:
        return None
    return Period(start, next_boundary(subscription, start))


def _lines_of_month(contract: Contract, month: Period) -> tuple[Line, ...]:
    """What a whole month comes to if all goes on as it is, with the coupons that go on."""
    subscription, start = contract.subscription, month.start
    phase = phase_at(subscription, start)
    share = Fraction(1, 12) if phase.interval == "year" else Fraction(1)
    prices = plan_of(contract, phase).prices_for(phase.interval)
    lines = [
        replace(
            rate_flat(price, contract.currency, month, share=share),
            catalog_version=phase.catalog_version,
        )
        for price in prices
        if price.kind == "flat"
    ]
    lines += counted_in_advance(contract, start)
    lines += metered_lines(contract, month, ending=False)
    coupons = [one for one in coupons_on(contract, month.end) if one.duration != "once"]
    return apply_coupons(lines, coupons)


def trial_note(subscription: Subscription, at: datetime) -> tuple[str, ...]:
    """A sentence about a trial that is on at an instant."""
    if not in_trial(subscription, at) or subscription.trial_end is None:
        return ()
    until = instant_text(subscription.trial_end)
    return (f"The trial lasts until {until}: nothing is charged for the time before.",)

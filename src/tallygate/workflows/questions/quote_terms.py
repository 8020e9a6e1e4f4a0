"""By which contract would an account be charged, as it is and as something would make it?

Where it has no subscription that costs something, its first priced resource begins one: the
calendar starts at that instant, and a full period is charged.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from tallygate.accounts.model import BillingAccount
from tallygate.adapters.store import Transaction, invoices, subscriptions
from tallygate.catalog.model import Plan
from tallygate.core.period import Period, add_months
from tallygate.invoicing.assemble import first_invoice
from tallygate.invoicing.contract import Contract, plan_of
from tallygate.invoicing.counted import counts_at
from tallygate.subscriptions.calendar import phase_at
from tallygate.subscriptions.life import begin, is_live
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.installation import Installation
from tallygate.workflows.questions.estimate import (
    MONTHS_FORESEEN,
    Around,
    Charge,
    charge_of,
    contract_around,
    supposing,
)
from tallygate.workflows.questions.quote_prices import catalog_at, offers_at
from tallygate.workflows.questions.supposed import SupposedLife
from tallygate.workflows.subscribe import currency_of

NO_PLAN = "none"
"""The plan that stands for one that costs nothing, where the price list has none."""

UNBILLED = (
    "The account that will be charged has no subscription: this is what one that begins then, on "
    "a plan that costs nothing, is charged."
)


class Terms(NamedTuple):
    """An account's contract before and after; whether one `begins` with what is quoted."""

    before: Contract
    after: Contract
    begins: bool
    notes: tuple[str, ...] = ()

    @property
    def plan(self) -> str | None:
        """The plan after; None where there is none."""
        key = self.after.subscription.phases[-1].plan
        return None if key == NO_PLAN else key


def live_of(
    tx: Transaction, installation: Installation, account: BillingAccount, at: datetime
) -> Subscription | None:
    """The subscription of an account that goes on at an instant, or after it; None: none does."""
    found = [
        one
        for one in subscriptions.of_account(tx, account.id)
        if not one.closed and is_live(one, max(at, installation.now))
    ]
    return found[-1] if found else None


def terms_of(
    tx: Transaction,
    installation: Installation,
    account: BillingAccount,
    lives: Sequence[SupposedLife],
    *,
    at: datetime,
    currency: str | None,
    around: Around,
) -> Terms:
    """The account's contract as it is, and as these lives of resources would make it.

    `currency` is asked for where the account has none yet and the price list has several.

    Raises:
        Invalid: the price list has no such currency, or it is not said which.
        Conflict: the account has another currency.
    """
    catalog = around.newest
    subscription = live_of(tx, installation, account, at)
    if subscription is None:
        chosen = currency_of(catalog, account.currency, currency)
        free = next((plan for plan in catalog.plans.values() if plan.is_free), None)
        return _anew(tx, installation, account, free, lives, at=at, currency=chosen, around=around)
    before = contract_around(tx, installation, subscription, at, around=around)
    after = supposing(before, lives)
    fixed = account.currency or subscription.currency
    if not _begins(tx, after, at):
        currency_of(catalog_at(before, at), subscription.currency, currency)
        return Terms(before, after, begins=False)
    chosen = currency_of(catalog, fixed, currency)
    plan = catalog.plans.get(subscription.phases[-1].plan)
    terms = _anew(tx, installation, account, plan, lives, at=at, currency=chosen, around=around)
    known = replace(terms.after.subscription, id=subscription.id)
    return terms._replace(after=replace(terms.after, subscription=known), notes=())


def _begins(tx: Transaction, after: Contract, at: datetime) -> bool:
    """Whether a subscription that costs nothing, and never did, has something to count then."""
    subscription = after.subscription
    if not plan_of(after, subscription.phases[-1]).is_free or at < subscription.billed_until:
        return False
    if invoices.of_subscription(tx, subscription.id):
        return False
    return any(count for _, count in counts_at(after, phase_at(subscription, at), at))


def _anew(
    tx: Transaction,
    installation: Installation,
    account: BillingAccount,
    free: Plan | None,
    lives: Sequence[SupposedLife],
    *,
    at: datetime,
    currency: str,
    around: Around,
) -> Terms:
    """The contracts of a subscription that begins then, on a plan that costs nothing."""
    version, catalog = around.version, around.newest
    plan = free or Plan(NO_PLAN, "None")
    subscription = begin(
        id="",
        organization=account.organization,
        billing_account=account.id,
        currency=currency,
        plan=plan,
        interval="month",
        catalog_version=version,
        at=at,
    )
    contract = contract_anew(tx, installation, subscription, around)
    own = replace(catalog, plans={**catalog.plans, plan.key: plan})
    before = replace(contract, catalogs={**contract.catalogs, version: own})
    after = supposing(before, lives)
    begins = bool(offers_at(after, at))
    return Terms(before, after, begins=begins, notes=(UNBILLED,) if begins else ())


def contract_anew(
    tx: Transaction, installation: Installation, subscription: Subscription, around: Around
) -> Contract:
    """The contract of a subscription that is yet to begin."""
    start = subscription.started_at
    horizon = add_months(
        max(start, installation.now, subscription.trial_end or start), MONTHS_FORESEEN
    )
    usage = around.usage(tx, subscription, Period(start, horizon), horizon)
    return Contract(subscription, around.catalogs(tx), usage, applied=around.applied)


def at_once(contract: Contract) -> Charge | None:
    """What is charged at the instant where a calendar starts: what is billed in advance."""
    invoice = first_invoice(contract, 0)
    return None if invoice is None else charge_of(invoice)

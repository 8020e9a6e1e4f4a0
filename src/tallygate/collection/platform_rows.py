"""How does a billing account stand, under the names that the platforms' own records have?

Two platforms keep a row for each account: one rents out machines (its row names the provider's
ids, the plan, the budget of compute-unit-hours and the machine), the other runs containers (its
row is the subscription). Both rows are read from what is kept here; nothing of them is stored.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from tallygate.accounts.model import BillingAccount, Resource
from tallygate.catalog.model import Plan
from tallygate.collection.records import Collected, Mirror, Purchase
from tallygate.core.period import MICROSECOND, Period
from tallygate.subscriptions.calendar import base_period, end_of, phase_at
from tallygate.subscriptions.life import status
from tallygate.subscriptions.model import Subscription

BillingStatus = Literal[
    "INCOMPLETE", "TRIALING", "ACTIVE", "PAST_DUE", "UNPAID", "PAUSED", "CANCELED"
]
SubscriptionStatus = Literal["ACTIVE", "PAST_DUE", "CANCELED", "UNPAID"]

_IN_FOUR_WORDS: dict[BillingStatus, SubscriptionStatus] = {
    "INCOMPLETE": "UNPAID",
    "TRIALING": "ACTIVE",
    "ACTIVE": "ACTIVE",
    "PAST_DUE": "PAST_DUE",
    "UNPAID": "UNPAID",
    "PAUSED": "UNPAID",
    "CANCELED": "CANCELED",
}
_THEIRS: dict[str, BillingStatus] = {
    "incomplete": "INCOMPLETE",
    "trialing": "TRIALING",
    "active": "ACTIVE",
    "past_due": "PAST_DUE",
    "unpaid": "UNPAID",
    "paused": "PAUSED",
    "canceled": "CANCELED",
    "incomplete_expired": "CANCELED",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a billing account at an instant.

    `subscription` is the one that lives, else the last one, `mirror` the provider's of it, and
    `plan` the one that it is on. `purchase` is one that is open. `user` is the person where the
    organization is one person's, `standing` what the account may do now, as entitlements say it.
    `collected` are its invoices that are to be collected, `synced_at` is when usage was reported
    to the provider last, `resources` are what it pays for, at least the oldest that is there.
    """

    account: BillingAccount
    at: datetime
    customer: str | None = None
    subscription: Subscription | None = None
    mirror: Mirror | None = None
    purchase: Purchase | None = None
    plan: Plan | None = None
    collected: Sequence[Collected] = ()
    synced_at: datetime | None = None
    resources: Sequence[Resource] = ()
    user: str | None = None
    standing: str | None = None


@dataclass(frozen=True, slots=True)
class AccountRow:
    """The row of a platform that rents out machines (seed row A11).

    `usage_budget_cuh` is the plan's allowance of compute-unit-hours in a period. `vm_id` is our id
    of the oldest machine that is there, `provider_vm_id` the id that the platform gave it.
    """

    account_id: str
    stripe_customer_id: str | None
    stripe_subscription_id: str | None
    plan_tier: str | None
    billing_status: BillingStatus | None
    usage_budget_cuh: Decimal | None
    last_usage_sync_at: datetime | None
    vm_id: str | None
    provider_vm_id: str | None
    standing: str | None


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    """The row of a platform that runs containers (seed row C1).

    Its four words for a status: a trial is ACTIVE; what has not begun, or is paused, is UNPAID.
    """

    id: str
    user_id: str | None
    organization_id: str
    stripe_customer_id: str | None
    stripe_subscription_id: str | None
    plan: str
    status: SubscriptionStatus
    current_period_start: datetime
    current_period_end: datetime
    standing: str | None


def account_row(known: Known, budget_meter: str = "cuh") -> AccountRow:
    """An account under the names of seed row A11; `budget_meter` is what its budget is of."""
    machine = _oldest(known.resources)
    return AccountRow(
        account_id=known.account.id,
        stripe_customer_id=known.customer,
        stripe_subscription_id=_provider_id(known),
        plan_tier=_plan_key(known),
        billing_status=billing_status(known),
        usage_budget_cuh=None if known.plan is None else allowance_of(known.plan, budget_meter),
        last_usage_sync_at=known.synced_at,
        vm_id=None if machine is None else machine.id,
        provider_vm_id=None if machine is None else machine.external_id,
        standing=known.standing,
    )


def subscription_row(known: Known) -> SubscriptionRow | None:
    """A subscription under the names of seed row C1; None where the account never had one."""
    word = billing_status(known)
    if known.subscription is None or word is None:
        return None
    period = _current_period(known.subscription, known.at)
    return SubscriptionRow(
        id=known.subscription.id,
        user_id=known.user,
        organization_id=known.account.organization,
        stripe_customer_id=known.customer,
        stripe_subscription_id=_provider_id(known),
        plan=phase_at(known.subscription, known.at).plan,
        status=_IN_FOUR_WORDS[word],
        current_period_start=period.start,
        current_period_end=period.end,
        standing=known.standing,
    )


def billing_status(known: Known) -> BillingStatus | None:
    """What an account's subscription is; None: it has none, and none is being bought.

    Our own end counts, and so does an overdue invoice that the provider's status does not show. A
    word of the provider's that is not known here is PAST_DUE: nothing is granted, nothing taken.
    """
    if known.subscription is None:
        return None if known.purchase is None else "INCOMPLETE"
    ours = status(known.subscription, known.at)
    if ours == "canceled":
        return "CANCELED"
    theirs: BillingStatus = "TRIALING" if ours == "trialing" else "ACTIVE"
    if known.mirror is not None:
        theirs = _THEIRS.get(known.mirror.status, "PAST_DUE")
    if theirs in {"ACTIVE", "TRIALING"} and any(_is_overdue(one) for one in known.collected):
        return "PAST_DUE"
    return theirs


def allowance_of(plan: Plan, meter: str) -> Decimal | None:
    """What a plan includes of a meter in a period; None where it has no price for it."""
    included = [price.included for price in plan.prices if price.meter == meter]
    return sum(included, Decimal(0)) if included else None


def _is_overdue(collected: Collected) -> bool:
    return collected.state == "open" and collected.overdue_since is not None


def _provider_id(known: Known) -> str | None:
    if known.mirror is not None:
        return known.mirror.provider_id
    return None if known.purchase is None else known.purchase.provider_id


def _plan_key(known: Known) -> str | None:
    if known.subscription is not None:
        return phase_at(known.subscription, known.at).plan
    return None if known.purchase is None else known.purchase.plan


def _oldest(resources: Iterable[Resource]) -> Resource | None:
    there = (one for one in resources if one.deleted_at is None)
    return min(there, key=lambda one: (one.created_at, one.id), default=None)


def _current_period(subscription: Subscription, at: datetime) -> Period:
    """The base's period in which an instant lies; the last one, after the end."""
    end = end_of(subscription)
    if end is not None and at >= end:
        at = max(end - MICROSECOND, subscription.started_at)
    return base_period(subscription, max(at, subscription.started_at))

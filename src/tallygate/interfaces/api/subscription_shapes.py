"""How does a subscription look on the wire?"""

from datetime import datetime
from typing import Literal

from tallygate.collection.records import Mirror
from tallygate.interfaces.api.wire import Instant, Shape
from tallygate.subscriptions import phase_at, status
from tallygate.subscriptions.model import Subscription


class PhaseShape(Shape):
    """A stretch on one plan, from `since` until `until` (null: open)."""

    plan: str
    interval: Literal["month", "year"]
    catalog_version: int
    since: Instant
    until: Instant | None


class RedemptionShape(Shape):
    """A coupon that the subscription carries; `spent_by` is the invoice that spent it."""

    coupon: str
    redeemed_at: Instant
    spent_by: str | None


class ProviderShape(Shape):
    """The payment provider's subscription of ours, as it was seen last.

    `status` is the provider's word; `cancel_at` the end that both sides agreed on last.
    """

    id: str
    status: str
    looked_at: Instant
    cancel_at: Instant | None
    end_reason: str | None


class SubscriptionShape(Shape):
    """A billing account's contract: a chain of phases, each on one plan.

    `plan` and `interval` are those of now; a phase that begins in the future is a change to come.
    """

    id: str
    object: Literal["subscription"] = "subscription"
    organization: str
    billing_account: str
    status: Literal["trialing", "active", "canceled"]
    plan: str
    interval: Literal["month", "year"]
    currency: str
    started_at: Instant
    anchor: Instant
    billed_until: Instant
    trial_end: Instant | None
    cancel_at: Instant | None
    ended_at: Instant | None
    phases: list[PhaseShape]
    coupons: list[RedemptionShape]
    provider: ProviderShape | None = None


def subscription_shape(
    subscription: Subscription, at: datetime, mirror: Mirror | None = None
) -> SubscriptionShape:
    """A subscription on the wire, as it stands at an instant, and the provider's of it."""
    present = phase_at(subscription, at)
    return SubscriptionShape(
        id=subscription.id,
        organization=subscription.organization,
        billing_account=subscription.billing_account,
        status=status(subscription, at),
        plan=present.plan,
        interval=present.interval,
        currency=subscription.currency,
        started_at=subscription.started_at,
        anchor=subscription.anchor,
        billed_until=subscription.billed_until,
        trial_end=subscription.trial_end,
        cancel_at=subscription.cancel_at,
        ended_at=subscription.ended_at,
        phases=[
            PhaseShape(
                plan=phase.plan,
                interval=phase.interval,
                catalog_version=phase.catalog_version,
                since=phase.since,
                until=phase.until,
            )
            for phase in subscription.phases
        ],
        coupons=[
            RedemptionShape(coupon=one.coupon, redeemed_at=one.redeemed_at, spent_by=one.spent_by)
            for one in subscription.redemptions
        ],
        provider=None if mirror is None else _provider_shape(mirror),
    )


def _provider_shape(mirror: Mirror) -> ProviderShape:
    return ProviderShape(
        id=mirror.provider_id,
        status=mirror.status,
        looked_at=mirror.looked_at,
        cancel_at=mirror.cancel_at,
        end_reason=mirror.end_reason,
    )

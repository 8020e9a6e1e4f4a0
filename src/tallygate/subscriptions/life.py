"""How does a subscription begin, and what is it at an instant?

Its status is a function of its dates, so that nothing has to run at midnight for a trial to be
over or for an end to have come.
"""

from datetime import datetime, timedelta

from tallygate.catalog.model import Interval, Plan
from tallygate.core.errors import Invalid
from tallygate.core.period import add_months
from tallygate.subscriptions.calendar import end_of
from tallygate.subscriptions.model import Phase, Redemption, Status, Subscription
from tallygate.subscriptions.prices import price_amounts


def begin(
    *,
    id: str,  # noqa: A002  # the name of the field that it becomes
    organization: str,
    billing_account: str,
    currency: str,
    plan: Plan,
    interval: Interval,
    catalog_version: int,
    at: datetime,
    trial_days: int = 0,
    anchor_day: int | None = None,
    redemptions: tuple[Redemption, ...] = (),
) -> Subscription:
    """A subscription from `at` on.

    A trial's end becomes the anchor. Without one the anchor is `at`, or the last midnight (UTC)
    of a month that had the wished day; the time up to the next boundary is then billed by the
    second.

    Raises:
        Invalid: the plan cannot be bought so.
    """
    check_terms(plan, interval, currency)
    trial_end = at + timedelta(days=trial_days) if trial_days else None
    if anchor_day is not None and trial_end is not None:
        raise Invalid(
            "A trial's end becomes the day of billing: leave anchor_day out, or the trial.",
            param="anchor_day",
        )
    anchor = trial_end or at
    if anchor_day is not None:
        anchor = _last_midnight_on(anchor_day, at)
    return Subscription(
        id=id,
        organization=organization,
        billing_account=billing_account,
        currency=currency,
        started_at=at,
        anchor=anchor,
        billed_until=at,
        phases=(Phase(plan.key, "month" if plan.is_free else interval, catalog_version, at),),
        trial_end=trial_end,
        redemptions=redemptions,
    )


def status(subscription: Subscription, at: datetime) -> Status:
    """What the subscription is at an instant."""
    end = end_of(subscription)
    if end is not None and end <= at:
        return "canceled"
    if subscription.trial_end is not None and at < subscription.trial_end:
        return "trialing"
    return "active"


def is_live(subscription: Subscription, at: datetime) -> bool:
    """Whether the subscription has not ended."""
    return status(subscription, at) != "canceled"


def check_terms(plan: Plan, interval: Interval, currency: str) -> None:
    """Whether a plan can be bought by this interval in this currency.

    Raises:
        Invalid: it cannot; the sentence says what there is.
    """
    if plan.prices and interval not in plan.intervals:
        offered = " or ".join(plan.intervals)
        raise Invalid(
            f"The plan {plan.key} is not sold by the {interval}: choose {offered}.",
            param="interval",
        )
    for price in plan.prices_for(interval):
        lacking = [amounts for amounts in price_amounts(price) if currency not in amounts]
        if lacking:
            offered = ", ".join(sorted(lacking[0])) or "nothing"
            raise Invalid(
                f"The price {price.key} of the plan {plan.key} has no amount in {currency}, "
                f"only in {offered}: subscribe in another currency, or add the amount to the "
                "catalog.",
                param="currency",
            )


def _last_midnight_on(day: int, at: datetime) -> datetime:
    if not 1 <= day <= 31:
        raise Invalid("anchor_day must be a day of the month, 1 to 31.", param="anchor_day")
    first = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for months in range(0, -4, -1):
        month = add_months(first, months)
        candidate = month + timedelta(days=day - 1)
        if candidate.month == month.month and candidate <= at:
            return candidate
    raise AssertionError("of three months in a row one has 31 days")

"""What becomes of a subscription when its plan changes, or it ends?

An upgrade (the flats cost more for the rest of the base's period) happens at once, anything else
at the end of the base's period unless asked otherwise. An interval change always waits for that
end. In a trial a change is immediate and keeps the trial's end. A change takes the place of one
that was scheduled before.
"""

from dataclasses import replace
from datetime import datetime
from typing import Literal

from tallygate.catalog.model import Interval, Plan
from tallygate.core.errors import Conflict, Invalid
from tallygate.core.period import instant_text
from tallygate.subscriptions.calendar import base_period, in_trial, phase_at
from tallygate.subscriptions.life import check_terms, is_live
from tallygate.subscriptions.model import Phase, Subscription
from tallygate.subscriptions.prices import base_cost

When = Literal["default", "now", "period_end"]


def change_plan(
    subscription: Subscription,
    current: Plan,
    wanted: Plan,
    at: datetime,
    *,
    interval: Interval,
    catalog_version: int,
    when: When = "default",
    dormant: bool = False,
) -> Subscription:
    """The subscription with another plan, at once or scheduled.

    `current` is the plan of the phase at `at`. Asking for that plan takes a scheduled change back
    and keeps the version. `dormant` says that the plan is free and nothing
    else was charged in this period: then moving to a paid plan starts the calendar anew.

    Raises:
        Invalid: the wanted plan cannot be bought so, or not at the asked instant.
        Conflict: the subscription has ended, ends before, or is on that plan already.
    """
    check_moves_on(subscription, at)
    if wanted.is_free:
        interval = "month"
    if takes_back(subscription, wanted.key, interval, at):
        return replace(subscription, phases=_until(subscription, at, None))
    check_terms(wanted, interval, subscription.currency)
    phase = phase_at(subscription, at)
    if (phase.plan, phase.interval, phase.catalog_version) == (
        wanted.key,
        interval,
        catalog_version,
    ):
        raise Conflict(f"The subscription is on the plan {wanted.key} by the {interval} already.")
    effective = _effective(subscription, current, wanted, interval, at, when=when)
    if dormant and not wanted.is_free and not in_trial(subscription, at):
        effective = at
        phases = tuple(
            replace(p, anchor=p.anchor or subscription.anchor) for p in subscription.phases
        )
        subscription = replace(subscription, anchor=at, billed_until=at, phases=phases)
    if subscription.cancel_at is not None and subscription.cancel_at <= effective:
        raise Conflict(
            f"The subscription ends on {instant_text(subscription.cancel_at)}, before the change "
            "would come: resume it first."
        )
    begun = Phase(wanted.key, interval, catalog_version, effective)
    kept = [p for p in _until(subscription, at, effective) if p.until is None or p.since < p.until]
    return replace(subscription, phases=(*kept, begun))


def takes_back(
    subscription: Subscription, plan: str, interval: Interval | None, at: datetime
) -> bool:
    """Whether asking for this plan takes a scheduled change back.

    It does where it is the present plan, by the present interval: the subscription then stays on
    its version of the price list, whatever was published meanwhile.
    """
    phase = phase_at(subscription, at)
    scheduled = any(later.since > at for later in subscription.phases)
    return scheduled and plan == phase.plan and interval in (None, phase.interval)


def is_upgrade(
    subscription: Subscription, current: Plan, wanted: Plan, interval: Interval, at: datetime
) -> bool:
    """Whether the flats of the wanted plan cost more for the rest of the base's period."""
    phase = phase_at(subscription, at)
    paid = base_cost(current, phase.interval, subscription.currency)
    return base_cost(wanted, interval, subscription.currency) > paid


def cancel(
    subscription: Subscription, at: datetime, *, now: bool = False, refund: bool = False
) -> Subscription:
    """The subscription with an end: now, or at the end of the base's period.

    A scheduled plan change falls away. `refund` gives back, by the second, what was paid in
    advance for the time after an end that comes now.

    Raises:
        Conflict: it has ended, or is to end already.
        Invalid: a refund was asked for an end that wastes nothing.
    """
    check_moves_on(subscription, at)
    if refund and not now:
        raise Invalid(
            "A refund goes with an end that comes now: at the period's end nothing is left over.",
            param="refund",
        )
    if now:
        *before, last = (phase for phase in subscription.phases if phase.since <= at)
        kept = (*before, replace(last, until=at))
        return replace(subscription, phases=kept, cancel_at=None, ended_at=at, refund=refund)
    if subscription.cancel_at is not None:
        raise Conflict(
            f"The subscription is to end on {instant_text(subscription.cancel_at)} already."
        )
    kept = _until(subscription, at, None)
    return replace(subscription, phases=kept, cancel_at=base_period(subscription, at).end)


def end_at(subscription: Subscription, at: datetime, end: datetime) -> Subscription:
    """The subscription with an end at a chosen instant to come, or now; a change falls away.

    Raises:
        Conflict: it has ended.
    """
    check_moves_on(subscription, at)
    if end <= at:
        return cancel(subscription, at, now=True)
    return replace(subscription, phases=_until(subscription, at, None), cancel_at=end)


def resume(subscription: Subscription, at: datetime) -> Subscription:
    """The subscription without its scheduled end.

    Raises:
        Conflict: it has ended, or no end is scheduled.
    """
    check_moves_on(subscription, at)
    if subscription.cancel_at is None:
        raise Conflict("The subscription is not to end: there is nothing to resume.")
    return replace(subscription, cancel_at=None)


def check_moves_on(subscription: Subscription, at: datetime) -> None:
    """Whether the subscription can still be changed at this instant.

    Raises:
        Conflict: it has ended, or the instant lies in what has been billed.
    """
    if not is_live(subscription, at):
        raise Conflict("The subscription has ended: subscribe anew.")
    if at < subscription.billed_until:
        raise Conflict(
            f"{instant_text(at)} lies in what has been billed already, up to "
            f"{instant_text(subscription.billed_until)}: a change can only come later."
        )


def _effective(
    subscription: Subscription,
    current: Plan,
    wanted: Plan,
    interval: Interval,
    at: datetime,
    *,
    when: When,
) -> datetime:
    """The instant from which the wanted plan counts."""
    if in_trial(subscription, at):
        return at
    phase = phase_at(subscription, at)
    end = base_period(subscription, at).end
    if current.prices and wanted.prices and interval != phase.interval:
        if when == "now":
            raise Invalid(
                f"A change to billing by the {interval} waits for the end of the present period, "
                f"{instant_text(end)}: leave `when` out.",
                param="when",
            )
        return end
    if when == "period_end":
        return end
    upgrade = is_upgrade(subscription, current, wanted, interval, at)
    return at if upgrade or when == "now" else end


def _until(subscription: Subscription, at: datetime, until: datetime | None) -> tuple[Phase, ...]:
    """The phases that began before or at `at`, the last one open until `until`."""
    *before, last = (phase for phase in subscription.phases if phase.since <= at)
    return (*before, replace(last, until=until))

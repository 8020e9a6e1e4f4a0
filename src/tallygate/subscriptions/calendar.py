"""Where do a subscription's boundaries lie, and what falls due at each?

Metered and counted prices are billed by the month of the anchor, whatever the interval of the
base. A trial is one period that ends at the anchor. A subscription that begins, or ends, between
two boundaries has a window that is shorter than its period; shares are taken of the whole period.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from tallygate.core.period import Period, add_months, months_since, period_at
from tallygate.subscriptions.model import Phase, Subscription

MONTHS = {"month": 1, "year": 12}


def phase_at(subscription: Subscription, at: datetime) -> Phase:
    """The phase in which `at` lies; the first one before the start, the last one after the end."""
    found = subscription.phases[0]
    for phase in subscription.phases:
        if phase.since > at:
            break
        found = phase
    return found


def phases_in(subscription: Subscription, part: Period) -> tuple[tuple[Phase, Period], ...]:
    """The phases of a stretch of time, each with its part; a mere change of interval is none."""
    found: list[tuple[Phase, Period]] = []
    for phase in subscription.phases:
        stop = part.end if phase.until is None else phase.until
        own = Period(phase.since, max(stop, phase.since)).overlap(part)
        if own is None:
            continue
        if found and _same_terms(found[-1][0], phase):
            found[-1] = (phase, Period(found[-1][1].start, own.end))
        else:
            found.append((phase, own))
    return tuple(found)


def anchor_at(subscription: Subscription, at: datetime) -> datetime:
    """The instant from which the boundaries around `at` are counted."""
    return phase_at(subscription, at).anchor or subscription.anchor


def in_trial(subscription: Subscription, at: datetime) -> bool:
    """Whether nothing is charged at that instant."""
    return subscription.trial_end is not None and at < subscription.trial_end


def end_of(subscription: Subscription) -> datetime | None:
    """When the subscription ended or will end; None: never, as far as is known."""
    return subscription.ended_at or subscription.cancel_at


def next_boundary(subscription: Subscription, after: datetime) -> datetime:
    """The first boundary after an instant, as if the subscription never ended."""
    if subscription.trial_end is not None and after < subscription.trial_end:
        return subscription.trial_end
    anchor = anchor_at(subscription, after)
    return add_months(anchor, months_since(anchor, after) + 1)


def due(subscription: Subscription) -> datetime | None:
    """The instant that is closed next: a boundary, or the end. None when all is closed."""
    if subscription.closed:
        return None
    boundary, end = next_boundary(subscription, subscription.billed_until), end_of(subscription)
    return boundary if end is None else min(boundary, max(end, subscription.billed_until))


def window(subscription: Subscription) -> Period:
    """What is billed in arrears at the next close. Empty when all is closed."""
    start = subscription.billed_until
    return Period(start, due(subscription) or start)


def closed_windows(subscription: Subscription, since: datetime) -> Iterator[Period]:
    """What was billed in arrears so far, window by window, as far as it reaches beyond `since`.

    Where a free plan became a paid one, the calendar began anew in the middle of a window.
    """
    turns = anew(subscription)
    start = subscription.started_at
    while start < subscription.billed_until:
        ends = [instant for instant in turns if instant > start]
        end = min([next_boundary(subscription, start), subscription.billed_until, *ends])
        if end > since:
            yield Period(start, end)
        start = end


def anew(subscription: Subscription) -> list[datetime]:
    """When the calendar began anew: where a free plan became a paid one."""
    return [
        later.since
        for before, later in pairwise(subscription.phases)
        if (before.anchor or subscription.anchor) != (later.anchor or subscription.anchor)
    ]


def whole_period(subscription: Subscription, at: datetime) -> Period:
    """The period between two boundaries in which `at` lies, as if never begun and never ended."""
    if subscription.trial_end is not None and at < subscription.trial_end:
        return Period(subscription.started_at, subscription.trial_end)
    return period_at(anchor_at(subscription, at), at)


def window_at(theirs: Sequence[Subscription], at: datetime) -> tuple[Subscription | None, Period]:
    """What an account is billed for around an instant: by which subscription, and the window.

    While it has none, that is the calendar month, as far as there was none.
    """
    for one in theirs:
        end = end_of(one)
        if one.started_at <= at and (end is None or at < end):
            start = max(whole_period(one, at).start, one.started_at)
            turns = [turn for turn in (*anew(one), end) if turn is not None and turn > at]
            return one, Period(start, min([next_boundary(one, at), *turns]))
    month = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    ends = [end for one in theirs if (end := end_of(one)) is not None and end <= at]
    starts = [one.started_at for one in theirs if one.started_at > at]
    return None, Period(max([month, *ends]), min([add_months(month, 1), *starts]))


def base_period(subscription: Subscription, at: datetime, phase: Phase | None = None) -> Period:
    """The period of the flats in which `at` lies: a month, a year, or the trial.

    A year begins at the boundary (or the beginning) since which the base is annual, and is
    counted in months from the anchor. `phase` asks about another one than that of `at`.
    """
    if in_trial(subscription, at):
        return whole_period(subscription, at)
    mine = phase or phase_at(subscription, at)
    months, anchor = MONTHS[mine.interval], mine.anchor or subscription.anchor
    first = months_since(anchor, max(_annual_since(subscription, mine), anchor))
    first += (months_since(anchor, at) - first) // months * months
    return Period(add_months(anchor, first), add_months(anchor, first + months))


def flats_due(subscription: Subscription, at: datetime) -> Period | None:
    """The period for which flats fall due at a boundary, or at the start; None: not at this one.

    It begins at `at`, so that a subscription that begins within a period pays the rest of it.
    """
    if not subscription.started_at <= at:
        return None
    end = end_of(subscription)
    if end is not None and end <= at:
        return None
    base = base_period(subscription, at)
    return Period(at, base.end) if at in (base.start, subscription.started_at) else None


def _annual_since(subscription: Subscription, mine: Phase) -> datetime:
    """Since when the phases up to this one have had its interval without a break."""
    since = mine.since
    for phase in reversed(subscription.phases):
        if phase.since > mine.since:
            continue
        if phase.interval != mine.interval:
            break
        since = phase.since
    return since


def _same_terms(one: Phase, other: Phase) -> bool:
    return (one.plan, one.catalog_version) == (other.plan, other.catalog_version)

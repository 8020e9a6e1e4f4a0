from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tallygate.core.period import Period, add_months
from tallygate.subscriptions.calendar import (
    base_period,
    due,
    flats_due,
    next_boundary,
    phases_in,
    whole_period,
    window,
    window_at,
)
from tallygate.subscriptions.model import Phase, Subscription


def at(month: int, day: int, hour: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def subscribed(start: datetime, interval: str = "month", **more: object) -> Subscription:
    phase = Phase("pro", interval, 1, start)  # type: ignore[arg-type]  # month or year
    made = Subscription("sub_1", "org_1", "bil_1", "eur", start, start, start, (phase,))
    return replace(made, **more)  # type: ignore[arg-type]  # fields by name


def test_five_years_of_every_anchor_have_no_gap_and_no_overlap() -> None:
    """R4: 31 anchor days x 60 months x 8 times of day."""
    periods = gaps = overlaps = off = 0
    for day in range(1, 32):
        for eighth in range(8):
            anchor = datetime(2024, 1, day, tzinfo=UTC) + timedelta(
                hours=3 * eighth, microseconds=eighth
            )
            subscription = subscribed(anchor)
            before = anchor
            for month in range(1, 61):
                boundary = next_boundary(subscription, before)
                gaps += boundary > add_months(anchor, month)
                overlaps += boundary <= before
                last_day = (boundary.replace(day=28) + timedelta(days=4)).replace(day=1)
                expected = min(day, (last_day - timedelta(days=1)).day)
                off += boundary.day != expected or boundary.time() != anchor.time()
                assert due(replace(subscription, billed_until=before)) == boundary
                before = boundary
                periods += 1
    assert (periods, gaps, overlaps, off) == (14_880, 0, 0, 0)


def test_chained_months_would_lose_the_31st() -> None:
    """The control: what the calendar does not do."""
    boundary = at(1, 31)
    for _ in range(2):
        boundary = add_months(boundary, 1)
    assert boundary == at(3, 28)
    counted = subscribed(at(1, 31))
    assert next_boundary(counted, next_boundary(counted, at(1, 31))) == at(3, 31)


def test_a_trial_is_one_period_and_its_end_the_anchor() -> None:
    trial_end = at(1, 15)
    subscription = subscribed(at(1, 1), trial_end=trial_end, anchor=trial_end)
    assert next_boundary(subscription, at(1, 1)) == trial_end
    assert whole_period(subscription, at(1, 3)) == Period(at(1, 1), trial_end)
    assert flats_due(subscription, at(1, 1)) == Period(at(1, 1), trial_end)
    assert flats_due(subscription, trial_end) == Period(trial_end, at(2, 15))
    assert next_boundary(subscription, trial_end) == at(2, 15)


def test_a_trial_longer_than_a_month_has_no_boundary_inside() -> None:
    trial_end = at(3, 2)
    subscription = subscribed(at(1, 1), trial_end=trial_end, anchor=trial_end)
    assert due(subscription) == trial_end


def test_an_annual_base_has_monthly_boundaries() -> None:
    subscription = subscribed(at(1, 31), "year")
    assert flats_due(subscription, at(1, 31)) == Period(at(1, 31), at(1, 31, year=2027))
    due_months = [
        month for month in range(1, 25) if flats_due(subscription, add_months(at(1, 31), month))
    ]
    assert due_months == [12, 24]
    assert next_boundary(subscription, at(1, 31)) == at(2, 28)


def test_a_year_that_begins_later_counts_from_its_own_boundary() -> None:
    start = at(1, 31)
    month = Phase("pro", "month", 1, start, at(4, 30))
    year = Phase("pro", "year", 1, at(4, 30))
    subscription = subscribed(start, phases=(month, year))
    assert base_period(subscription, at(4, 1)) == Period(at(3, 31), at(4, 30))
    assert base_period(subscription, at(5, 1)) == Period(at(4, 30), at(4, 30, year=2027))
    assert flats_due(subscription, at(5, 31)) is None
    assert flats_due(subscription, at(4, 30, year=2027)) is not None


def test_a_plan_change_within_the_year_keeps_the_years_period() -> None:
    start = at(1, 10)
    one = Phase("starter", "year", 1, start, at(6, 1, 12))
    two = Phase("pro", "year", 2, at(6, 1, 12))
    subscription = subscribed(start, phases=(one, two))
    assert base_period(subscription, at(6, 1, 12)) == Period(start, at(1, 10, year=2027))


def test_a_start_between_boundaries_pays_the_rest() -> None:
    subscription = subscribed(at(2, 11), anchor=at(1, 31))
    assert due(subscription) == at(2, 28)
    assert whole_period(subscription, at(2, 11)) == Period(at(1, 31), at(2, 28))
    assert flats_due(subscription, at(2, 11)) == Period(at(2, 11), at(2, 28))
    assert flats_due(subscription, at(2, 28)) == Period(at(2, 28), at(3, 31))


def test_an_end_comes_before_the_boundary_and_then_nothing_is_due() -> None:
    subscription = subscribed(at(1, 1), ended_at=at(1, 20))
    assert due(subscription) == at(1, 20)
    assert window(subscription) == Period(at(1, 1), at(1, 20))
    late = replace(subscription, ended_at=at(2, 10))
    assert due(late) == at(2, 1)
    assert flats_due(late, at(2, 1)) == Period(at(2, 1), at(3, 1))
    closed = replace(subscription, billed_until=at(1, 20), closed=True)
    assert due(closed) is None


def test_an_end_at_the_last_boundary_is_still_due_once() -> None:
    subscription = subscribed(at(1, 1), ended_at=at(1, 1))
    assert due(subscription) == at(1, 1)
    assert window(subscription) == Period(at(1, 1), at(1, 1))


def test_an_end_at_a_boundary_has_no_flats() -> None:
    assert flats_due(subscribed(at(1, 1), cancel_at=at(2, 1)), at(2, 1)) is None


@pytest.mark.parametrize(
    ("phases", "parts"),
    [
        ([("a", 1, 1, 10), ("b", 1, 10, None)], [("a", 1, 10), ("b", 10, 31)]),
        ([("a", 1, 1, 10), ("a", 1, 10, None)], [("a", 1, 31)]),
        ([("a", 1, 1, 10), ("a", 2, 10, None)], [("a", 1, 10), ("a", 10, 31)]),
        ([("a", 1, 1, 1), ("b", 1, 1, None)], [("b", 1, 31)]),
    ],
)
def test_a_window_splits_where_the_terms_change(
    phases: list[tuple[str, int, int, int | None]], parts: list[tuple[str, int, int]]
) -> None:
    made = tuple(
        Phase(plan, "month", version, at(1, since), None if until is None else at(1, until))
        for plan, version, since, until in phases
    )
    subscription = subscribed(at(1, 1), phases=made)
    found = phases_in(subscription, Period(at(1, 1), at(1, 31)))
    assert [(p.plan, w.start.day, w.end.day) for p, w in found] == parts


@pytest.mark.parametrize(
    ("when", "named", "start", "end"),
    [
        (at(1, 5), None, at(1, 1), at(1, 20)),  # the month, up to the first subscription
        (at(1, 20), "first", at(1, 20), at(2, 20)),
        (at(2, 19), "first", at(1, 20), at(2, 20)),
        (at(2, 20), "first", at(2, 20), at(3, 10)),  # it ends within its period
        (at(3, 10), None, at(3, 10), at(4, 1)),
        (at(4, 2), None, at(4, 1), at(4, 15)),
        (at(4, 15), "second", at(4, 15), at(4, 29)),  # the trial
        (at(4, 29), "second", at(4, 29), at(5, 29)),
    ],
)
def test_the_window_around_an_instant(
    when: datetime, named: str | None, start: datetime, end: datetime
) -> None:
    first = subscribed(at(1, 20), id="first", ended_at=at(3, 10))
    second = subscribed(at(4, 15), id="second", trial_end=at(4, 29), anchor=at(4, 29))
    one, found = window_at((first, second), when)
    assert (one and one.id, found) == (named, Period(start, end))


def test_the_window_ends_where_the_calendar_begins_anew() -> None:
    free = Phase("free", "month", 1, at(1, 1), at(1, 12), at(1, 1))
    paid = Phase("pro", "month", 1, at(1, 12))
    one = subscribed(at(1, 1), anchor=at(1, 12), phases=(free, paid))
    assert window_at((one,), at(1, 11)) == (one, Period(at(1, 1), at(1, 12)))
    assert window_at((one,), at(1, 12)) == (one, Period(at(1, 12), at(2, 12)))


def test_windows_follow_each_other_without_a_gap() -> None:
    theirs = (
        subscribed(at(1, 31), ended_at=at(5, 3, 7)),
        subscribed(at(6, 10), trial_end=at(6, 24), anchor=at(6, 24), cancel_at=at(11, 2)),
    )
    instant, found = at(1, 1), 0
    while instant < at(12, 31):
        _, around = window_at(theirs, instant)
        assert around.start == instant
        assert window_at(theirs, around.end - timedelta(microseconds=1))[1] == around
        instant, found = around.end, found + 1
    assert found == 15

"""A total reported twice or late changes nothing, and nothing is charged both there and here."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.catalog import read_catalog
from tallygate.collection import totals, what_to_hold
from tallygate.collection.intents import Total
from tallygate.collection.records import ReportedTotal
from tallygate.collection.totals import (
    Division,
    ReportedPrice,
    divide,
    final_minutes,
    identifier,
    intended,
    next_report,
    next_stamp,
    whole_minutes,
)
from tallygate.core.period import Period
from tallygate.rating.line import Line
from tallygate.rating.rate import rate_metered
from tallygate.subscriptions.change import cancel, change_plan
from tallygate.subscriptions.life import begin
from tallygate.subscriptions.model import Subscription

CATALOG = read_catalog("""
name: shop
currency: usd
meters:
  calls: {event: c, aggregation: count}
  gb: {event: g, value: n, aggregation: max, round: {to: "0.5", mode: up}}
  hours: {event: h, value: n, aggregation: sum, round: {to: "0.001"}}
plans:
  pro:
    name: Pro
    prices:
      - {key: base, flat: "29.00", every: month}
      - {key: calls, meter: calls, included: 100, per_unit: "0.05"}
      - {key: space, meter: gb, included: 5, per_unit: "1.00"}
      - {key: compute, meter: hours, per_unit: "1.00", minimum: "10.00"}
  max:
    name: Max
    prices:
      - {key: max_base, flat: "99.00", every: month}
      - {key: max_calls, meter: calls, included: 1000, per_unit: "0.01"}
""")
JANUARY = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
NOON = JANUARY.start + timedelta(hours=12)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
HELD = {1: {one.key: one for one in what_to_hold(CATALOG, NOON).prices}}
PRICE = ReportedPrice("ins_1/1", "sub_1", "org_1", "bil_1", "cus_1", "calls", "calls", JANUARY)
PRO, MAX = CATALOG.plans["pro"], CATALOG.plans["max"]


def subscription(start: datetime = JANUARY.start, trial_days: int = 0) -> Subscription:
    return begin(
        id="sub_1",
        organization="org_1",
        billing_account="bil_1",
        currency="usd",
        plan=PRO,
        interval="month",
        catalog_version=1,
        at=start,
        trial_days=trial_days,
    )


def changed(at: datetime) -> Subscription:
    """The subscription on the other plan, from an instant on."""
    return change_plan(
        subscription(), PRO, MAX, at, interval="month", catalog_version=1, when="now"
    )


def lines(window: Period = JANUARY, whole: Period = JANUARY, **measured: str) -> list[Line]:
    """The metered lines of a window on the plan, with what each price's meter measured."""
    made = []
    for price in PRO.prices:
        if price.meter is not None:
            line = rate_metered(
                price,
                "usd",
                Decimal(measured.get(price.key, "0")),
                window,
                share=window.share_of(whole),
                level=CATALOG.meters[price.meter].is_level,
            )
            made.append(replace(line, catalog_version=1))
    return made


def reasons(division: Division) -> dict[str, str]:
    return {one.line.price: one.why for one in division.rated}


def test_usage_beyond_the_allowance_is_reported_in_base_units() -> None:
    used = lines(calls="142", space="7.5", compute="2.125")
    division = divide(subscription(), JANUARY, used, HELD)
    assert division.totals == {"calls": 42, "space": 5}  # 2.5 GB are five halves
    assert reasons(division) == {"compute": "a provider cannot hold its price"}


def test_what_was_not_used_has_a_total_of_0_and_other_lines_have_none() -> None:
    flat = replace(lines()[0], kind="flat", price="base")
    late = replace(lines(calls="900")[0], kind="adjustment", corrects="inv_1")
    assert divide(subscription(), JANUARY, [flat, late, *lines()], HELD).totals == {
        "calls": 0,
        "space": 0,
    }


def test_a_window_with_a_plan_change_is_rated_here_and_says_0() -> None:
    division = divide(changed(NOON), JANUARY, lines(calls="142", space="9"), HELD)
    assert division.totals == {"calls": 0, "space": 0}
    assert set(reasons(division)) == {"calls", "space", "compute"}
    assert reasons(division)["calls"] == "the plan changes within the period"


def test_a_change_at_the_boundary_is_none_within_the_window() -> None:
    division = divide(changed(JANUARY.end), JANUARY, lines(calls="142"), HELD)
    assert division.totals["calls"] == 42


def test_nothing_is_sent_in_a_trial() -> None:
    window = Period(JANUARY.start, JANUARY.start + timedelta(days=14))
    division = divide(subscription(trial_days=14), window, lines(window, window), HELD)
    assert division.totals == {}
    assert set(reasons(division).values()) == {"nothing is charged in a trial"}


def test_an_end_within_the_period_is_rated_here_although_allowances_are_whole() -> None:
    window = Period(JANUARY.start, NOON)
    ended = cancel(subscription(), NOON, now=True)
    division = divide(ended, window, lines(JANUARY, calls="142"), HELD)
    assert division.totals == {"calls": 0, "space": 0}
    assert reasons(division)["calls"] == "the subscription ends within the period"


def test_a_share_of_a_period_is_rated_here() -> None:
    begun = Period(NOON, JANUARY.end)
    division = divide(subscription(), begun, lines(begun, calls="142", space="9"), HELD)
    assert division.totals == {"calls": 0, "space": 0}
    assert reasons(division)["space"] == "only a share of the period is charged"


def test_what_is_no_whole_number_or_too_long_is_rated_here() -> None:
    odd = [replace(line, quantity=Decimal("42.5")) for line in lines(calls="142")[:1]]
    division = divide(subscription(), JANUARY, odd, HELD)
    assert division.totals == {"calls": 0}
    assert reasons(division) == {"calls": "its quantity is no multiple of 1"}
    long = [replace(line, quantity=Decimal(10) ** 15) for line in lines()[:1]]
    division = divide(subscription(), JANUARY, long, HELD)
    assert division.totals == {"calls": 0}
    assert reasons(division) == {"calls": "its quantity has more than 15 digits in base units"}
    longest = [replace(line, quantity=Decimal(10) ** 15 - 1) for line in lines()[:1]]
    assert divide(subscription(), JANUARY, longest, HELD).totals == {"calls": 10**15 - 1}


@pytest.mark.parametrize(
    ("length", "running", "final"),
    [(2, 1, 1), (3, 2, 1), (9, 5, 4), (11, 6, 5), (19, 10, 9), (20, 10, 10), (21, 11, 10)],
)
def test_a_short_window_gives_its_second_half_to_final_totals(
    length: int, running: int, final: int
) -> None:
    start = JANUARY.start + timedelta(seconds=30)
    window = Period(start, start + (length + 1) * MINUTE)  # half a minute at both ends
    minutes = whole_minutes(window)
    assert minutes == Period(JANUARY.start + MINUTE, JANUARY.start + (length + 1) * MINUTE)
    last = final_minutes(window)
    assert (last.start - minutes.start, last.end - last.start) == (
        running * MINUTE,
        final * MINUTE,
    )
    assert last.end == minutes.end
    assert next_stamp(window, window.start, None, final=False) == minutes.start
    assert next_stamp(window, window.end, None, final=False) == last.start - SECOND
    assert next_stamp(window, window.end, None, final=True) == last.start


@pytest.mark.parametrize("length", [0, 30, 60, 119])
def test_below_two_whole_minutes_everything_is_rated_here(length: int) -> None:
    window = Period(JANUARY.start, JANUARY.start + timedelta(seconds=length))
    ended = cancel(subscription(), window.end, now=True)
    division = divide(ended, window, lines(calls="142"), HELD)
    assert division.totals == {}
    assert set(reasons(division).values()) == {"the period has fewer than 2 whole minutes"}


def test_a_window_inside_one_minute_has_no_whole_minutes() -> None:
    start = JANUARY.start + timedelta(seconds=10)
    minutes = whole_minutes(Period(start, start + timedelta(seconds=20)))
    assert minutes.start == minutes.end


def test_whole_minutes_do_not_depend_on_microseconds() -> None:
    start = datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
    window = Period(start, datetime(2026, 1, 1, 1, 0, 59, 999_999, tzinfo=UTC))
    assert whole_minutes(window) == Period(JANUARY.start + MINUTE, JANUARY.start + 60 * MINUTE)


def test_a_running_total_is_stamped_with_the_second_of_its_measurement() -> None:
    at = NOON + timedelta(microseconds=999_999)
    first = next_report(PRICE, None, 5, at)
    assert first is not None
    assert (first.revision, first.total, first.stamp) == (1, 5, NOON)
    again = next_report(PRICE, first, 6, at)  # in the same second
    assert again is not None
    assert (again.revision, again.stamp) == (2, NOON + SECOND)
    back = next_report(PRICE, again, 7, NOON - timedelta(hours=1))  # the clock was set back
    assert back is not None
    assert back.stamp == NOON + 2 * SECOND


def test_what_is_said_already_is_not_said_again() -> None:
    assert next_report(PRICE, None, 0, NOON) is None
    first = next_report(PRICE, None, 5, NOON)
    assert first is not None
    assert next_report(PRICE, first, 5, NOON + MINUTE) is None
    assert next_report(PRICE, first, 0, NOON + MINUTE) is not None


def test_a_final_total_is_said_once_more() -> None:
    running = next_report(PRICE, None, 5, NOON)
    final = next_report(PRICE, running, 5, JANUARY.end + 30 * MINUTE, final=True)
    assert final is not None
    assert final.stamp == JANUARY.end - 10 * MINUTE + 2 * SECOND  # two quarters of an hour
    assert next_report(PRICE, final, 5, JANUARY.end + 31 * MINUTE, final=True) is None
    revised = next_report(PRICE, final, 6, JANUARY.end + 31 * MINUTE, final=True)
    assert revised is not None
    assert revised.stamp == final.stamp + SECOND
    nothing = next_report(PRICE, None, 0, JANUARY.end, final=True)
    assert nothing is not None, "what was never reported is confirmed too"


def test_what_failed_or_went_to_another_customer_is_said_anew() -> None:
    first = next_report(PRICE, None, 5, NOON)
    assert first is not None
    failed = replace(first, state="failed", problem="The meter is archived.")
    anew = next_report(PRICE, failed, 5, NOON)
    assert anew is not None
    assert (anew.revision, anew.total) == (2, 5)
    assert anew.identifier != first.identifier
    moved = next_report(replace(PRICE, customer="cus_2"), first, 5, NOON)
    assert moved is not None
    assert (moved.revision, moved.customer) == (2, "cus_2")


def test_in_the_last_minutes_of_a_window_one_more_running_total_finds_room() -> None:
    late = JANUARY.end - 5 * MINUTE
    one = next_report(PRICE, None, 5, late)
    assert one is not None
    assert one.stamp == JANUARY.end - 10 * MINUTE - SECOND
    assert next_report(PRICE, one, 6, late + MINUTE) is None
    final = next_report(PRICE, one, 6, JANUARY.end, final=True)
    assert final is not None
    assert final.stamp == JANUARY.end - 10 * MINUTE


def test_final_totals_of_a_draft_that_waits_for_days_still_find_room() -> None:
    latest = None
    for day in range(4):
        for revision in range(60):
            at = JANUARY.end + timedelta(days=day)
            latest = next_report(PRICE, latest, 1 + revision, at, final=True)
            assert latest is not None
            assert latest.stamp in final_minutes(JANUARY)


def test_an_identifier_names_one_revision_of_one_total() -> None:
    others = [
        replace(PRICE, installation="ins_1/2"),
        replace(PRICE, subscription="sub_2"),
        replace(PRICE, price="space"),
        replace(PRICE, period=Period(NOON, JANUARY.end)),
    ]
    named = [identifier(PRICE, 1), identifier(PRICE, 2), *(identifier(one, 1) for one in others)]
    assert len(set(named)) == len(named)
    assert all(name.startswith("tg-") and len(name) <= 100 for name in named)
    ending = replace(PRICE, period=Period(JANUARY.start, NOON))  # the same, once it is to end
    assert identifier(ending, 1) == named[0]


Measured = tuple[int, int, bool]
"""Seconds since the start of the window, a total, and whether the window is over."""


def sequences() -> st.SearchStrategy[list[Measured]]:
    """Measurements, in and after a window of an hour, by a clock that may be set back."""
    running = st.tuples(st.integers(-60, 4000), st.integers(0, 3), st.just(False))
    final = st.tuples(st.integers(3600, 90_000), st.integers(0, 3), st.just(True))
    return st.tuples(st.lists(running, max_size=30), st.lists(final, max_size=30)).map(
        lambda both: [*both[0], *both[1]]
    )


HOUR = Period(JANUARY.start + timedelta(seconds=7), JANUARY.start + timedelta(seconds=3607))


class Report(NamedTuple):
    revision: ReportedTotal
    final: bool


def reported(measured: Sequence[Measured]) -> list[Report]:
    """All revisions that a sequence of measurements leads to."""
    price, found = replace(PRICE, period=HOUR), list[Report]()
    for seconds, total, final in measured:
        at = HOUR.start + timedelta(seconds=seconds)
        latest = found[-1].revision if found else None
        revision = next_report(price, latest, total, at, final=final)
        if revision is not None:
            found.append(Report(revision, final))
    return found


def check(reports: Sequence[Report]) -> None:
    """What must hold of all revisions of a total."""
    minutes, last = whole_minutes(HOUR), final_minutes(HOUR)
    revisions = [report.revision for report in reports]
    assert all(one.stamp < next_.stamp for one, next_ in pairwise(revisions)), "stamps rise"
    for one, final in reports:
        assert one.stamp in minutes
        assert not one.stamp.microsecond
        assert (one.stamp in last) == final
    assert [one.revision for one in revisions] == list(range(1, len(revisions) + 1))


def shown(revisions: Iterable[ReportedTotal]) -> int | None:
    """What a meter shows that keeps the last total by time, and takes an identifier once."""
    kept: dict[str, Total] = {}
    for revision in revisions:
        kept.setdefault(revision.identifier, intended(revision))
    newest = max(kept.values(), key=lambda total: total.stamp, default=None)
    return None if newest is None else newest.total


@given(sequences(), st.randoms(use_true_random=False))
def test_the_last_total_by_time_is_the_last_that_was_said(
    measured: list[Measured], chance: Random
) -> None:
    """However often, and in whatever order, revisions arrive."""
    reports = reported(measured)
    check(reports)
    revisions = [report.revision for report in reports]
    again = chance.choices(revisions, k=len(revisions)) if revisions else []
    arrived = [*revisions, *again]
    assert shown(arrived) == (revisions[-1].total if revisions else None)
    chance.shuffle(arrived)
    assert shown(arrived) == (revisions[-1].total if revisions else None)


@given(sequences())
def test_the_final_total_is_what_the_meter_shows_in_the_end(measured: list[Measured]) -> None:
    measured = [*measured, (90_001, 7, True)]
    assert shown(report.revision for report in reported(measured)) == 7


BUSY = [(60, 1, False), (60, 2, False), (30, 3, False), (3_600, 3, True), (3_700, 4, True)]


def test_a_busy_hour_in_numbers() -> None:
    reports = reported(BUSY)
    check(reports)
    seconds = [(one.stamp - HOUR.start) // SECOND for one, _ in reports]
    assert seconds == [60, 61, 62, 2993, 2994]  # the last whole minutes begin at 2993
    assert shown(one for one, _ in reports) == 4


def test_the_time_of_sending_as_a_stamp_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def sent_at(window: Period, at: datetime, after: datetime | None, *, final: bool) -> datetime:
        return at

    monkeypatch.setattr(totals, "next_stamp", sent_at)
    with pytest.raises(AssertionError, match="stamps rise"):
        check(reported(BUSY))
    with pytest.raises(AssertionError):
        check(reported([(4_000, 1, True)]))


def test_an_identifier_that_is_used_again_would_be_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def same(price: ReportedPrice, revision: int) -> str:
        return identifier(price, 1)

    monkeypatch.setattr(totals, "identifier", same)
    assert shown(report.revision for report in reported(BUSY)) != 4

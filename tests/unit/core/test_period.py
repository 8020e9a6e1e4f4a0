from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.core.errors import Invalid
from tallygate.core.period import (
    Period,
    add_months,
    from_micros,
    instant_text,
    months_since,
    parse_instant,
    period_at,
    periods_from,
    to_micros,
)

TIMES_OF_DAY = [timedelta(hours=h, microseconds=m) for h in (0, 1, 12, 23) for m in (0, 1)]


def instants() -> st.SearchStrategy[datetime]:
    return st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds the zone


@pytest.mark.parametrize("day", range(1, 32))
def test_sixty_months_from_every_day_have_no_gap_and_no_overlap(day: int) -> None:
    for time_of_day in TIMES_OF_DAY:
        anchor = datetime(2027, 12, day, tzinfo=UTC) + time_of_day
        periods = list(islice(periods_from(anchor, anchor), 60))
        assert periods[0].start == anchor
        for period, following in pairwise(periods):
            assert period.end == following.start
            assert timedelta(days=28) <= period.end - period.start <= timedelta(days=31)


def test_an_anchor_on_the_31st_returns_to_the_31st() -> None:
    anchor = datetime(2026, 1, 31, tzinfo=UTC)
    days = [add_months(anchor, months).day for months in range(6)]
    assert days == [31, 28, 31, 30, 31, 30]


def test_a_leap_day_anchor_bills_the_28th_and_returns() -> None:
    anchor = datetime(2028, 2, 29, tzinfo=UTC)
    assert add_months(anchor, 12) == datetime(2029, 2, 28, tzinfo=UTC)
    assert add_months(anchor, 48) == datetime(2032, 2, 29, tzinfo=UTC)


@given(instants(), instants(), st.sampled_from([1, 12]))
def test_every_instant_lies_in_exactly_the_period_found(
    anchor: datetime, at: datetime, months: int
) -> None:
    period = period_at(anchor, at, months)
    assert at in period
    assert add_months(anchor, months_since(anchor, at)) <= at


@given(instants())
def test_microseconds_since_1970_lose_nothing(instant: datetime) -> None:
    assert from_micros(to_micros(instant)) == instant
    assert parse_instant(instant_text(instant)) == instant


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00", "0001-01-01T00:00:00+01:00"],
)
def test_a_text_that_is_no_instant_gets_a_sentence(text: str) -> None:
    with pytest.raises(Invalid, match=r"time|calendar"):
        parse_instant(text)


def test_a_period_is_half_open() -> None:
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    january = Period(start, end)
    assert start in january
    assert end not in january
    assert january.overlap(Period(end, end + timedelta(days=1))) is None
    half = january.overlap(Period(start + timedelta(days=15, hours=12), end))
    assert half is not None
    assert half.share_of(january) == Fraction(1, 2)

"""Boundaries of periods, and parts of them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tallygate_sandbox.money.calendar import boundary, next_boundary
from tallygate_sandbox.money.currencies import least_charge, written
from tallygate_sandbox.money.proration import prorated
from tallygate_sandbox.money.rounding import to_minor


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("interval", "count", "n", "expected"),
    [
        ("month", 1, 0, "2026-01-31T12:30:05"),
        ("month", 1, 1, "2026-02-28T12:30:05"),
        ("month", 1, 2, "2026-03-31T12:30:05"),
        ("month", 1, 25, "2028-02-29T12:30:05"),
        ("month", 3, 1, "2026-04-30T12:30:05"),
        ("month", 1, -2, "2025-11-30T12:30:05"),
        ("year", 1, 1, "2027-01-31T12:30:05"),
        ("week", 2, 1, "2026-02-14T12:30:05"),
        ("day", 1, 29, "2026-03-01T12:30:05"),
    ],
)
def test_a_boundary_is_the_anchors_day_or_the_months_last(
    interval: str, count: int, n: int, expected: str
) -> None:
    assert boundary(at("2026-01-31T12:30:05"), interval, count, n) == at(expected)


def test_a_leap_day_returns_every_four_years() -> None:
    leap = at("2024-02-29T00:00:00")
    years = [boundary(leap, "year", 1, n) for n in (1, 4)]
    assert years == [at("2025-02-28T00:00:00"), at("2028-02-29T00:00:00")]


@pytest.mark.parametrize("interval", ["day", "week", "month", "year"])
@pytest.mark.parametrize("count", [1, 3])
def test_the_next_boundary_is_the_first_one_later(interval: str, count: int) -> None:
    anchor = at("2026-01-31T12:30:05")
    for n in range(-4, 30):
        here, after = (boundary(anchor, interval, count, k) for k in (n, n + 1))
        assert next_boundary(anchor, interval, count, here) == after
        assert next_boundary(anchor, interval, count, here - 1) == here


@pytest.mark.parametrize(
    ("moment", "amount"),
    [(0, 1000), (1, 990), (50, 500), (99, 10), (100, 0), (150, 0), (-9, 1000)],
)
def test_what_is_left_of_a_period_costs_its_seconds(moment: int, amount: int) -> None:
    assert prorated(1000, 0, 100, moment) == amount


def test_a_proration_is_rounded_half_up() -> None:
    assert prorated(1, 0, 2, 1) == 1
    assert prorated(-1, 0, 2, 1) == -1
    # As recorded: 2500 for a month of 2,592,000 s, four seconds in, gives all of it back.
    assert prorated(2500, 1_762_799_351, 1_765_391_351, 1_762_799_355) == 2500


def test_currencies_have_their_own_minor_units() -> None:
    assert [written(2500, c) for c in ("usd", "jpy", "kwd")] == ["$25.00", "¥2,500", "2.500 KWD"]
    assert written(-5, "eur") == "-€0.05"
    assert (least_charge("usd"), least_charge("gbp"), least_charge("sek")) == (50, 30, 300)


def test_half_a_minor_unit_goes_away_from_zero() -> None:
    assert [to_minor(Decimal(x)) for x in ("0.5", "-0.5", "0.49", "2.5")] == [1, -1, 0, 3]

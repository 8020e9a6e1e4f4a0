"""Parts of a line, stated by hand."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tallygate.core.period import Period
from tallygate.invoicing.breakdown import (
    Charged,
    Dimension,
    Part,
    Sorting,
    Spread,
    break_down,
    microseconds_by_day,
)
from tallygate.rating.line import Discount, Line

JANUARY = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
NOON_TO_NOON = Period(datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 3, 12, tzinfo=UTC))
FIRST = 20454
"""The first of January 2026, in days since 1970."""
HOMES = {"a1": "a", "a2": "a", "b1": "b"}


def a_line(amount: int, *, discount: int = 0, period: Period = JANUARY) -> Line:
    return Line(
        price="calls",
        kind="metered",
        currency="usd",
        amount=amount,
        quantity=Decimal(1),
        measured=Decimal(1),
        period=period,
        meter="calls",
        discounts=(Discount("HALF", discount),) if discount else (),
    )


def spread(line: Line, weights: dict[str, Any], days: dict[str, Any] | None = None) -> Charged:
    return Charged(line, (Spread(Fraction(line.net), weights, line.period, days or {}),))


def by(*dimensions: Dimension, **more: Any) -> Sorting:
    return Sorting(dimensions, HOMES, **more)


def told(parts: tuple[Part, ...]) -> dict[Any, int]:
    return {
        tuple(one for one in (p.project, p.resource, p.price, p.day) if one is not None): p.amount
        for p in parts
    }


def test_a_dollar_for_three_is_allotted_without_loss_and_says_who_was_rounded_up() -> None:
    parts = break_down([spread(a_line(100), {"x": 1, "y": 1, "z": 1})], by("project"))
    assert [part.amount for part in parts] == [34, 33, 33]
    assert [part.exact for part in parts] == [Fraction(100, 3)] * 3
    assert [part.rounding for part in parts] == [Fraction(2, 3), Fraction(-1, 3), Fraction(-1, 3)]


def test_the_parts_of_a_projects_resources_sum_to_the_project() -> None:
    charged = [spread(a_line(100), {"a1": 1, "a2": 1, "b1": 1})]
    assert told(break_down(charged, by("project"))) == {("a",): 67, ("b",): 33}
    # Alone, each resource's third would be 33, and the cent that is left a1's.
    assert told(break_down(charged, by("resource"))) == {("a1",): 34, ("a2",): 33, ("b1",): 33}
    of_b = break_down(charged, by("resource", project="b"))
    assert told(of_b) == {("b1",): 33}
    assert told(break_down(charged, by("meter", resource="a2"))) == {("calls",): 33}
    assert break_down(charged, by("meter", project="b", resource="a2")) == ()


def test_a_credit_gives_back_what_each_was_charged() -> None:
    weights = {"x": 1, "y": 1, "z": 1}
    charge = told(break_down([spread(a_line(100), weights)], by("project")))
    credit = told(break_down([spread(a_line(-100), weights)], by("project")))
    assert credit == {key: -amount for key, amount in charge.items()}


def test_the_net_amount_is_allotted_and_a_correction_below_zero_is_its_subjects_own() -> None:
    charged = [spread(a_line(1000, discount=400), {"x": 10, "y": -4})]
    assert told(break_down(charged, by("project"))) == {("x",): 1000, ("y",): -400}


def test_several_spreads_make_one_line() -> None:
    line = a_line(300)
    owed = Spread(Fraction(800), {"a1": 3, "b1": 1}, JANUARY, {})
    paid = Spread(Fraction(-500), {"a1": 1}, JANUARY, {})
    assert told(break_down([Charged(line, (owed, paid))], by("resource"))) == {
        ("a1",): 100,
        ("b1",): 200,
    }
    # What is made up for in full bears nothing, and is not told.
    paid = Spread(Fraction(-600), {"a1": 1}, JANUARY, {})
    parts = break_down([Charged(a_line(200), (owed, paid))], by("resource"))
    assert told(parts) == {("b1",): 200}


def test_days_without_weights_bear_their_seconds() -> None:
    line = a_line(400, period=NOON_TO_NOON)
    assert told(break_down([spread(line, {"x": 1})], by("day"))) == {
        (FIRST,): 100,
        (FIRST + 1,): 200,
        (FIRST + 2,): 100,
    }


def test_days_bear_what_was_used_on_them() -> None:
    days = {"a": {FIRST: Fraction(1, 3), FIRST + 4: Fraction(2, 3)}, "b": {FIRST: 0}}
    charged = [spread(a_line(101), {"a1": 1, "a2": 1, "b1": 2}, days)]
    parts = break_down(charged, by("project", "day"))
    of_a = {key[1]: amount for key, amount in told(parts).items() if key[0] == "a"}
    assert of_a == {FIRST: 17, FIRST + 4: 34}
    assert sum(part.amount for part in parts) == 101
    assert len(parts) == 2 + 31


def test_a_line_of_nothing_is_told_where_prices_are_alone() -> None:
    charged = [Charged(a_line(0), ())]
    assert told(break_down(charged, by("meter"))) == {("calls",): 0}
    assert break_down(charged, by("project")) == ()
    assert break_down(charged, by("meter", project="a")) == ()


def test_what_belongs_to_no_project_comes_first() -> None:
    weights = {"prj": 1, "account": 1, "members": 1, "base_plan": 1}
    parts = break_down([spread(a_line(4), weights)], by("project"))
    assert [part.project for part in parts] == ["base_plan", "members", "account", "prj"]


def test_a_window_without_length_has_one_day() -> None:
    assert microseconds_by_day(5, 5) == {0: 1}

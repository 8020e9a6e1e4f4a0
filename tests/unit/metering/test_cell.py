"""Is a cell the same however its readings came?"""

from decimal import Decimal
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tallygate.core.quantity import EXACT
from tallygate.metering.cell import HOUR, Cell, Mark, hour_of, whole_hours
from tallygate.metering.reading import Reading

VALUES = st.decimals("-1000", "1000", places=12)
TIMES = st.integers(0, 40)  # few instants, so that ties are common


@st.composite
def hours(draw: st.DrawFn) -> list[Reading]:
    parts = draw(st.lists(st.tuples(TIMES, VALUES), min_size=1, max_size=12))
    return [Reading(("s",), micros, f"src {n}", value) for n, (micros, value) in enumerate(parts)]


def by_hand(readings: list[Reading]) -> Cell:
    ordered = sorted((r.micros, r.id, Decimal(r.value)) for r in readings)
    cell = Cell.of(readings[:1])
    values = [value for _, _, value in ordered]
    cell.count, cell.least, cell.greatest = len(ordered), min(values), max(values)
    cell.total = cell.area = Decimal(0)
    for value in values:
        cell.total = EXACT.add(cell.total, value)
    for (start, _, value), (end, _, _) in pairwise(ordered):
        cell.area = EXACT.add(cell.area, EXACT.multiply(value, end - start))
    cell.first = Mark(*ordered[0])
    cell.last = Mark(*ordered[-1])
    return cell


@given(hours(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=150)
def test_a_cell_of_readings_in_any_order_is_the_one_by_hand(
    readings: list[Reading], chance: "object"
) -> None:
    shuffled = list(readings)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' Random
    assert Cell.of(shuffled) == by_hand(readings)


@given(hours())
@settings(deadline=None, max_examples=150)
def test_add_keeps_every_field_and_says_when_the_area_does_not_hold(
    readings: list[Reading],
) -> None:
    cell, held = Cell(), True
    for reading in readings:
        held = cell.add(reading) and held
    right = by_hand(readings)
    if not held:
        cell.area = right.area
    assert cell == right


@given(hours(), hours(), st.integers(0, 60))
@settings(deadline=None, max_examples=150)
def test_absorb_keeps_every_field_and_says_when_the_area_does_not_hold(
    some: list[Reading], others: list[Reading], shift: int
) -> None:
    later = [Reading(r.series, r.micros + shift, f"{r.id}x", r.value) for r in others]
    for one, two in ((some, later), (later, some)):
        cell = Cell.of(one)
        held = cell.absorb(Cell.of(two))
        right = by_hand(some + later)
        apart = max(r.micros for r in some) < min(r.micros for r in later)
        assert held or not apart, "cells one after the other hold"
        if not held:
            cell.area = right.area
        assert cell == right


def test_in_order_readings_always_hold() -> None:
    cell = Cell()
    assert all(cell.add(Reading(("s",), n, "a", Decimal(n))) for n in range(100))
    assert cell.add(Reading(("s",), 99, "b", Decimal(5))), "the same instant, a later id"
    assert not cell.add(Reading(("s",), 50, "b", Decimal(5)))


def test_an_empty_cell_changes_nothing() -> None:
    cell = Cell.of([Reading(("s",), 1, "a", Decimal(2))])
    assert cell.absorb(Cell())
    empty = Cell()
    assert empty.absorb(cell)
    assert empty == cell


def test_whole_hours_lie_within_the_window() -> None:
    assert whole_hours(0, 3 * HOUR) == (0, 3)
    assert whole_hours(1, 3 * HOUR - 1) == (1, 2)
    assert whole_hours(1, HOUR) == (1, 1)
    assert whole_hours(1, 2) == (1, 1)
    assert hour_of(HOUR - 1) == 0

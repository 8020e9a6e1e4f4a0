"""Do cells give the fold's numbers, in any order, for any payer, and fast?"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract.meter_lives import METERS, Life, live
from tests.unit.metering.listed_log import ListedLog, Series

from tallygate.accounts.payers import Stretch
from tallygate.catalog.expression import parse
from tallygate.catalog.model import Aggregation, Meter
from tallygate.core.period import Period, from_micros, to_micros
from tallygate.metering.cell import HOUR, Cell
from tallygate.metering.daily import daily, readings_behind, states_behind
from tallygate.metering.fold import fold
from tallygate.metering.measure import measure, measure_by_subject, measure_exactly
from tallygate.metering.reading import Reading
from tallygate.metering.states import Lived
from tallygate.metering.windows import Absence

SEEDS = st.integers(0, 2**32)
ADDS_UP = ("count", "sum", "time_weighted")


def logged(life: Life) -> ListedLog:
    return ListedLog({m.key: life.readings(m) for m in METERS}, life.states, life.absences)


def folded(life: Life, meter: Meter, stretches: Sequence[Stretch]) -> Fraction:
    return fold(
        meter,
        life.readings(meter),
        stretches,
        life.period,
        states=life.states,
        absences=life.absences,
        whole=life.whole,
    )


@given(SEEDS)
@settings(deadline=None, max_examples=40)
def test_cells_give_the_folds_number_for_every_meter_and_payer(seed: int) -> None:
    life = live(seed)
    log = logged(life)
    for meter in METERS:
        for stretches in life.payers:
            exact = measure_exactly(meter, stretches, life.period, log, whole=life.whole)
            assert exact == folded(life, meter, stretches), meter.key


@given(SEEDS, SEEDS)
@settings(deadline=None, max_examples=20)
def test_the_order_of_arrival_changes_nothing(seed: int, other: int) -> None:
    life = live(seed)
    arrivals = list(life.arrivals)
    Random(other).shuffle(arrivals)  # noqa: S311  # replayed by its seed
    shuffled = replace(life, arrivals=tuple(arrivals))
    one, two = logged(life), logged(shuffled)
    for meter in METERS:
        first = measure(meter, life.payers[0], life.period, one, whole=life.whole)
        assert first == measure(meter, life.payers[0], life.period, two, whole=life.whole)


@given(SEEDS)
@settings(deadline=None, max_examples=20)
def test_payers_and_subjects_and_days_add_up(seed: int) -> None:
    life = live(seed)
    log = logged(life)
    for meter in METERS:
        if meter.aggregation not in ADDS_UP or meter.key == "net":
            continue
        both = [s for stretches in life.payers for s in stretches]
        whole = measure_exactly(meter, both, life.period, log, whole=life.whole)
        parts = [
            measure_exactly(meter, stretches, life.period, log, whole=life.whole)
            for stretches in life.payers
        ]
        assert sum(parts) == whole, meter.key
        subjects = measure_by_subject(meter, both, life.period, log, whole=life.whole)
        assert sum(subjects.values()) == whole
        days = daily(meter, both, life.period, log, whole=life.whole)
        assert sum(day.quantity for day in days) == whole, meter.key


@given(SEEDS)
@settings(deadline=None, max_examples=15)
def test_a_day_of_the_report_is_the_fold_of_that_day(seed: int) -> None:
    life = live(seed)
    log = logged(life)
    paid = life.payers[0]
    whole = life.whole or life.period
    for meter in METERS:
        for subject, day, quantity in daily(meter, paid, life.period, log, whole=whole)[::7]:
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
            today = Period(midnight, midnight + timedelta(days=1)).overlap(life.period)
            assert today is not None
            parts = [s.window.overlap(today) for s in paid if s.subject == subject]
            windows = [part for part in parts if part is not None]
            readings = life.readings(meter)
            if meter.is_level and not meter.reads_resources:
                readings = [
                    r for r in readings if any(from_micros(r.micros) in part for part in windows)
                ]
                windows = [today]
            elif meter.is_level:
                windows = [today]
            expected = fold(
                meter,
                readings,
                [Stretch(subject, part) for part in windows],
                today,
                states=life.states,
                absences=life.absences,
                whole=whole,
            )
            assert quantity == expected or (meter.key == "net" and quantity < 0), meter.key


@given(SEEDS)
@settings(deadline=None, max_examples=15)
def test_the_way_down_leads_to_all_that_a_quantity_was_made_of(seed: int) -> None:
    life = live(seed)
    log = logged(life)
    paid = life.payers[0]
    for meter in METERS:
        expected = folded(life, meter, paid)
        on_resources = meter.reads_resources
        readings = [] if on_resources else list(readings_behind(meter, paid, life.period, log))
        states = list(states_behind(meter, paid, life.period, log)) if on_resources else []
        again = fold(
            meter,
            readings,
            paid,
            life.period,
            states=states,
            absences=life.absences,
            whole=life.whole,
        )
        assert again == expected, meter.key


class ByArrival(ListedLog):
    """A planted defect: the last reading is the one that arrived last."""

    def cells(
        self, meter: Meter, subjects: Sequence[str], first_hour: int, last_hour: int
    ) -> Iterable[tuple[Series, int, Cell]]:
        for series, hour, cell in super().cells(meter, subjects, first_hour, last_hour):
            arrived = [r for r in self.by_meter[meter.key] if r.series == series]
            inside = [r for r in arrived if r.micros // HOUR == hour]
            _, micros, key, value = inside[-1]
            wrong = Cell.of(inside)
            wrong.last = wrong.last._replace(micros=micros, id=key, value=Decimal(value))
            yield series, hour, wrong if meter.aggregation == "last" else cell


class NotRecounted(ListedLog):
    """A planted defect: a reading between two others does not have its cell counted again."""

    def cells(
        self, meter: Meter, subjects: Sequence[str], first_hour: int, last_hour: int
    ) -> Iterable[tuple[Series, int, Cell]]:
        kept: dict[tuple[Series, int], Cell] = {}
        for reading in self.by_meter[meter.key]:
            hour = reading.micros // HOUR
            if reading.series[0] in subjects and first_hour <= hour < last_hour:
                kept.setdefault((reading.series, hour), Cell()).add(reading)
        return [(series, hour, kept[series, hour]) for series, hour in sorted(kept)]


@pytest.mark.parametrize(("defect", "key"), [(ByArrival, "latest"), (NotRecounted, "stored")])
def test_planted_defects_are_caught(defect: type[ListedLog], key: str) -> None:
    meter = next(m for m in METERS if m.key == key)
    caught = 0
    for seed in range(60):
        life = live(seed)
        wrong = defect({m.key: life.readings(m) for m in METERS}, life.states, life.absences)
        paid = life.payers[0]
        exact = measure_exactly(meter, paid, life.period, wrong, whole=life.whole)
        caught += exact != folded(life, meter, paid)
    assert caught >= 3, f"only {caught} of 60 lives saw it"


JUNE = Period(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))


class Kept:
    """A log of a month's 720 cells of one subject, each of 1389 readings: a million events."""

    def __init__(self) -> None:
        first = to_micros(JUNE.start) // HOUR
        self.month: list[tuple[Series, int, Cell]] = []
        for hour in range(first, first + 720):
            at = hour * HOUR
            step = [Reading(("org",), at + n * 2_591_792, f"s {n}", Decimal(n)) for n in range(9)]
            cell = Cell.of(step)
            cell.count = 1389
            self.month.append((("org",), hour, cell))

    def cells(self, *_: object) -> list[tuple[Series, int, Cell]]:
        return self.month

    def amounts(self, meter: Meter, *_: object) -> list[tuple[str, int, Decimal]]:
        counts = meter.aggregation == "count"
        return [
            (series[0], hour, Decimal(cell.count) if counts else cell.total)
            for series, hour, cell in self.month
        ]

    def readings(self, *_: object) -> list[Reading]:
        return []

    def last_before(self, *_: object) -> list[Reading]:
        return []

    def distinct(self, *_: object) -> int:
        return 0

    def states(self, *_: object) -> list[Lived]:
        return []

    def absences(self, *_: object) -> dict[str, tuple[Absence, ...]]:
        return {}


@pytest.mark.parametrize(
    "aggregation", ["count", "sum", "max", "last", "average", "time_weighted"]
)
def test_a_million_events_in_a_month_are_720_cells_and_take_milliseconds(
    aggregation: Aggregation,
) -> None:
    meter = Meter("m", "e", aggregation, parse("n"))
    log = Kept()
    best = float("inf")
    for _ in range(5):
        begun = perf_counter()
        quantity = measure(meter, [Stretch("org", JUNE)], JUNE, log)
        best = min(best, perf_counter() - begun)
    assert quantity > 0
    assert best < 0.02, f"{best * 1000:.1f} ms"

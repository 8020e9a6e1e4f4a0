"""What does each aggregation mean? Worked examples, by hand."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

import pytest
from tests.unit.metering.listed_log import ListedLog

from tallygate.accounts.model import ResourceState
from tallygate.accounts.payers import Stretch
from tallygate.catalog.expression import parse
from tallygate.catalog.model import Aggregation, Meter
from tallygate.core.errors import Invalid
from tallygate.core.period import Period, to_micros
from tallygate.core.quantity import RoundingMode, round_to
from tallygate.metering.fold import fold
from tallygate.metering.measure import measure, measure_exactly
from tallygate.metering.reading import Reading
from tallygate.metering.windows import Absence

START = datetime(2026, 6, 1, tzinfo=UTC)
JUNE = Period(START, datetime(2026, 7, 1, tzinfo=UTC))  # 720 hours
NO_FIELDS: Mapping[str, str] = MappingProxyType({})


def at(hours: float | Fraction) -> datetime:
    return START + timedelta(seconds=round(hours * 3600))


def meter(
    aggregation: Aggregation,
    *,
    step: str = "0.000001",
    mode: RoundingMode = "half_up",
    over: str = "hour",
    event: str = "e",
    value: str = "v",
) -> Meter:
    return Meter(
        "m",
        event,
        aggregation,
        parse(value),
        base_unit=Decimal(step),
        rounding=mode,
        over="period" if over == "period" else "hour",
    )


def reading(
    hours: float, value: str, series: tuple[str, ...] = ("org",), key: str = ""
) -> Reading:
    return Reading(series, to_micros(at(hours)), key or f"s {hours}", Decimal(value))


def whole_period(*subjects: str) -> list[Stretch]:
    return [Stretch(subject, JUNE) for subject in subjects]


def quantity(
    of: Meter,
    readings: Sequence[Reading] = (),
    stretches: Sequence[Stretch] | None = None,
    period: Period = JUNE,
    *,
    states: Sequence[ResourceState] = (),
    absences: Mapping[str, tuple[Absence, ...]] | None = None,
    whole: Period | None = None,
) -> Fraction:
    """The fold's answer, once `measure` over cells has been seen to give the same."""
    paid = whole_period("org", "res") if stretches is None else stretches
    log = ListedLog({of.key: list(readings)}, states, absences or {})
    folded = fold(of, readings, paid, period, states=states, absences=absences, whole=whole)
    assert measure_exactly(of, paid, period, log, whole=whole) == folded
    return folded


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [
        ("count", "4"),
        ("sum", "11"),
        ("max", "5"),
        ("min", "1"),
        ("last", "1"),
        ("average", "2.75"),
        ("unique", "4"),
        # 5 for 10 h, 2 for 20 h, 3 for 170 h, 1 for the rest of June
        ("time_weighted", "1120"),
    ],
)
def test_each_aggregation_of_one_series(aggregation: Aggregation, expected: str) -> None:
    readings = [reading(0, "5"), reading(10, "2"), reading(30, "3"), reading(200, "1")]
    if aggregation == "unique":
        readings = [one._replace(value=str(one.value)) for one in readings]
    assert quantity(meter(aggregation), readings) == Fraction(expected)


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [("count", 5), ("sum", 20), ("max", 14), ("min", 6), ("last", 14), ("average", 10)],
)
def test_levels_fold_each_series_and_add_the_series(
    aggregation: Aggregation, expected: int
) -> None:
    readings = [
        reading(1, "2", ("org", "a")),
        reading(2, "4", ("org", "a")),
        reading(3, "0", ("org", "a")),
        reading(4, "4", ("org", "b")),
        reading(5, "10", ("org", "b")),
    ]
    expected = {"min": 4, "last": 10, "average": 9}.get(aggregation, expected)
    assert quantity(meter(aggregation), readings) == expected


def test_d1_a_gauge_reported_720_times_is_its_peak_never_the_sum() -> None:
    hourly = [reading(hour, "5") for hour in range(720)]
    assert quantity(meter("max", step="1"), hourly) == 5
    assert quantity(meter("last", step="1"), hourly) == 5
    assert quantity(meter("average"), hourly) == 5
    assert quantity(meter("time_weighted", over="period"), hourly) == 5


@pytest.mark.parametrize(
    ("peak", "charged"), [("2.5", "3"), ("3", "3"), ("2.000000000001", "3"), ("0", "0")]
)
def test_d3_storage_is_the_peak_rounded_up(peak: str, charged: str) -> None:
    storage = meter("max", step="1", mode="up")
    readings = [reading(1, "0"), reading(2, peak), reading(3, "0")]
    log = ListedLog({"m": readings})
    assert measure(storage, whole_period("org"), JUNE, log) == Decimal(charged)


def test_nothing_was_used() -> None:
    for aggregation in ("count", "sum", "max", "last", "average", "unique", "time_weighted"):
        assert quantity(meter(aggregation), []) == 0


def test_a_value_from_before_the_period_counts_from_its_start_only_for_time() -> None:
    readings = [reading(-1000, "9"), reading(-5, "2")]
    assert quantity(meter("time_weighted"), readings) == 2 * 720
    assert quantity(meter("last"), readings) == 0
    assert quantity(meter("max"), readings) == 0


def test_a_correction_lowers_a_sum_which_never_goes_below_zero() -> None:
    assert quantity(meter("sum"), [reading(1, "5"), reading(2, "-2")]) == 3
    assert quantity(meter("sum"), [reading(1, "5"), reading(2, "-7")]) == 0


def test_last_is_by_time_then_id_and_never_by_arrival() -> None:
    readings = [
        reading(9, "3", key="s b"),
        reading(9, "4", key="s c"),
        reading(9, "2", key="s a"),
        reading(5, "7"),
    ]
    assert quantity(meter("last"), readings) == 4
    assert quantity(meter("last"), readings[::-1]) == 4


def test_a_window_is_half_open() -> None:
    readings = [reading(0, "1"), reading(719.999, "10"), reading(720, "100")]
    assert quantity(meter("sum"), readings) == 11


def test_over_period_divides_by_the_whole_periods_hours_in_a_preview_too() -> None:
    gb_months = meter("time_weighted", over="period")
    readings = [reading(0, "10"), reading(360, "20")]
    assert quantity(gb_months, readings) == 15
    so_far = Period(START, at(360))
    assert quantity(gb_months, readings, period=so_far, whole=JUNE) == 5
    assert quantity(meter("time_weighted"), readings, period=so_far, whole=JUNE) == 3600


def test_deleting_a_resource_ends_its_series() -> None:
    readings = [reading(-1, "2", ("res",)), reading(10, "4", ("res",)), reading(50, "9", ("res",))]
    absences = {"res": ((to_micros(at(30)), None),)}
    assert quantity(meter("time_weighted"), readings, absences=absences) == 2 * 10 + 4 * 20
    gone = {"res": ((to_micros(at(-0.5)), None),)}
    assert quantity(meter("time_weighted"), readings, absences=gone) == 0


def test_what_was_read_in_an_earlier_life_is_not_carried_into_the_next() -> None:
    readings = [reading(0, "2", ("res",)), reading(40, "5", ("res",))]
    absences = {"res": ((to_micros(at(10)), to_micros(at(20))),)}
    assert quantity(meter("time_weighted"), readings, absences=absences) == 2 * 10 + 5 * 680


def state(
    since: float,
    until: float | Fraction | None,
    fields: Mapping[str, str] = NO_FIELDS,
    *,
    running: bool = True,
    kind: str = "vm",
) -> ResourceState:
    end = None if until is None else at(until)
    numbers = {name: Decimal(text) for name, text in fields.items()}
    return ResourceState("res", at(since), end, kind, running, numbers)


CUH = meter(
    "time_weighted", event="resource", value="running * (vcpu + 0.2 * ram_gb) + 0.01 * disk_gb"
)
CPX31 = {"vcpu": "4", "ram_gb": "8", "disk_gb": "160"}
CPX41 = {"vcpu": "8", "ram_gb": "16", "disk_gb": "240"}


def test_a3_compute_unit_hours_are_integrated_exactly() -> None:
    states = [
        state(0, 100, CPX31),  # 7.2 an hour
        state(100, 150, CPX31, running=False),  # the disk alone: 1.6 an hour
        state(150, None, CPX41),  # 13.6 an hour, still running
    ]
    assert quantity(CUH, states=states) == Fraction("720") + 80 + Fraction("13.6") * 570
    one_second = [state(1, 1 + Fraction(1, 3600), CPX31)]
    assert quantity(CUH, states=one_second) == Fraction("7.2") / 3600


def test_states_open_at_either_end_are_cut_to_the_period() -> None:
    container_hours = meter("time_weighted", event="resource", value="running")
    assert quantity(container_hours, states=[state(-500, None)]) == 720
    so_far = Period(START, at(12.5))
    assert quantity(container_hours, states=[state(-500, None)], period=so_far) == Fraction("12.5")
    assert quantity(container_hours, states=[state(-500, -1)]) == 0


def test_gb_hours_and_fields_that_a_state_lacks() -> None:
    gb_hours = meter("time_weighted", event="resource", value="running * memory_gb")
    states = [state(0, 8, {"memory_gb": "0.5"}), state(8, None)]
    assert quantity(gb_hours, states=states) == 4


@pytest.mark.parametrize(("aggregation", "expected"), [("max", 8), ("min", 4), ("last", 4)])
def test_levels_of_states_overlapping_the_period(aggregation: Aggregation, expected: int) -> None:
    vcpus = meter(aggregation, event="resource", value="vcpu")
    states = [state(-9, 1, {"vcpu": "8"}), state(1, 5, {"vcpu": "6"}), state(5, 6, {"vcpu": "4"})]
    assert quantity(vcpus, states=states) == expected


@pytest.mark.parametrize("aggregation", ["count", "sum", "average", "unique"])
def test_a_state_is_no_happening_to_count(aggregation: Aggregation) -> None:
    with pytest.raises(Invalid, match="time_weighted"):
        fold(meter(aggregation, event="resource"), [], whole_period("res"), JUNE)


def test_where_and_per_see_a_states_type() -> None:
    hours = Meter("m", "resource", "time_weighted", parse("running"), where={"type": "vm"})
    states = [state(0, 10), state(10, 15, kind="db")]
    assert quantity(hours, states=states) == 10


def test_a_payer_switch_splits_amounts_and_weighs_levels() -> None:
    readings = [reading(100, "6"), reading(700, "10")]
    before, after = Period(START, at(180)), Period(at(180), JUNE.end)
    expected = {
        "count": (1, 1),
        "sum": (6, 10),
        "max": (Fraction(10, 4), Fraction(30, 4)),
        "average": (2, 6),
        "time_weighted": (6 * 80, 6 * 520 + 10 * 20),
    }
    for aggregation, (first, second) in expected.items():
        of = meter(aggregation)  # type: ignore[arg-type]  # a literal each
        assert quantity(of, readings, [Stretch("org", before)]) == first
        assert quantity(of, readings, [Stretch("org", after)]) == second


def test_the_base_unit_rounds_once_all_series_together() -> None:
    of = meter("max", step="1", mode="up")
    readings = [reading(1, "0.4", ("org", series)) for series in "abc"]
    assert measure(of, whole_period("org"), JUNE, ListedLog({"m": readings})) == 2
    assert round_to(quantity(of, readings), of.base_unit, of.rounding) == 2

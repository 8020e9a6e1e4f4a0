"""How much was used, of one meter, by one payer, in one period?

The same number as the fold's, out of hourly cells: a million events in a month are read as 720
cells and the readings of the ragged ends. The result is exact until `measure` rounds it, once, to
the meter's base unit.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from tallygate.accounts.payers import Stretch
from tallygate.catalog.model import Meter
from tallygate.core.period import Period
from tallygate.core.quantity import EXACT, round_to
from tallygate.metering.cell import Cell
from tallygate.metering.fold import in_hours
from tallygate.metering.log import UsageLog
from tallygate.metering.states import Held, area_of_all, areas, held_by, levels
from tallygate.metering.timeline import amounts_of, area_of, carried, timeline_of
from tallygate.metering.windows import (
    Windows,
    alike,
    present,
    share_of,
    span_of,
    windows_of,
)

_ZERO = Fraction(0)
_NOTHING = Decimal(0)

Exact = int | Fraction
"""An exact number; whole ones may be integers, which are faster."""


def measure(
    meter: Meter,
    stretches: Sequence[Stretch],
    period: Period,
    log: UsageLog,
    *,
    whole: Period | None = None,
) -> Decimal:
    """The quantity of a period, rounded to the meter's base unit.

    `stretches` are the subjects that the payer has, and when. For a preview the period ends at
    the instant asked about, and for a part of a period at the plan change; `whole` is then the
    whole period, by whose hours `over: period` divides.

    Raises:
        Invalid: a meter on resources aggregates by count, sum, average or unique.
    """
    exact = measure_exactly(meter, stretches, period, log, whole=whole)
    return round_to(exact, meter.base_unit, meter.rounding)


def measure_exactly(
    meter: Meter,
    stretches: Sequence[Stretch],
    period: Period,
    log: UsageLog,
    *,
    whole: Period | None = None,
) -> Fraction:
    """The quantity of a period before it is rounded: what `fold` defines."""
    return measure_all(meter, windows_of(stretches, period), period, log, whole=whole)


def measure_all(
    meter: Meter,
    windows: Windows,
    period: Period,
    log: UsageLog,
    *,
    whole: Period | None = None,
) -> Fraction:
    """The same, of subjects whose windows within the period are known already."""
    if not windows:
        return _ZERO
    if meter.reads_resources:
        held = held_by(meter, log.states(list(windows), period))
        return measure_held(meter, held, windows, period, whole or period)
    if meter.aggregation == "unique":
        return Fraction(log.distinct(meter, windows))
    found = measure_windows(meter, windows, period, log, whole=whole)
    return Fraction(max(sum(found.values()), 0))


def measure_held(
    meter: Meter, held: Iterable[Held], windows: Windows, period: Period, whole: Period
) -> Fraction:
    """The quantity of a meter on resources, given what it reads in their states."""
    if meter.aggregation == "time_weighted":
        return in_hours(meter, area_of_all(held, windows), whole)
    return sum(levels(meter, held, windows, period).values(), _ZERO)


def measure_by_subject(
    meter: Meter,
    stretches: Sequence[Stretch],
    period: Period,
    log: UsageLog,
    *,
    whole: Period | None = None,
) -> Mapping[str, Exact]:
    """What each subject has of the quantity, exactly; subjects without any may be left out.

    The parts add up to the quantity, with two exceptions: the quantity of a `sum` is not below
    zero though a part may be, and a value that two subjects share is `unique` to both.
    """
    return measure_windows(meter, windows_of(stretches, period), period, log, whole=whole)


def measure_windows(
    meter: Meter,
    windows: Windows,
    period: Period,
    log: UsageLog,
    *,
    whole: Period | None = None,
) -> Mapping[str, Exact]:
    """The same, of subjects whose windows within the period are known already."""
    if not windows:
        return {}
    if meter.reads_resources:
        return _by_states(meter, windows, period, log, whole or period)
    match meter.aggregation:
        case "count" | "sum":
            return _amounts(meter, windows, log)
        case "time_weighted":
            found = _areas(meter, windows, log)
            return {who: in_hours(meter, area, whole or period) for who, area in found.items()}
        case "unique":
            return {
                subject: Fraction(log.distinct(meter, {subject: spans}))
                for subject, spans in windows.items()
            }
        case _:
            return _levels(meter, windows, period, log)


def level_of(meter: Meter, cells: Sequence[tuple[int, Cell]]) -> Fraction:
    """A level's height, out of the cells of a series in the order of their hours."""
    match meter.aggregation:
        case "max":
            return Fraction(max([cell.greatest for _, cell in cells]))
        case "min":
            return Fraction(min([cell.least for _, cell in cells]))
        case "last":
            return Fraction(cells[-1][1].last.value)
        case _:
            total = _NOTHING
            for _, cell in cells:
                total = EXACT.add(total, cell.total)
            return Fraction(total) / sum([cell.count for _, cell in cells])


def as_ratio(exact: Decimal) -> Exact:
    """The same number; most are whole, and soon made."""
    numerator, denominator = exact.as_integer_ratio()
    return numerator if denominator == 1 else Fraction(numerator, denominator)


def _by_states(
    meter: Meter, windows: Windows, period: Period, log: UsageLog, whole: Period
) -> dict[str, Fraction]:
    held = held_by(meter, log.states(list(windows), period))
    if meter.aggregation != "time_weighted":
        return levels(meter, held, windows, period)
    return {who: in_hours(meter, area, whole) for who, area in areas(held, windows).items()}


def _amounts(meter: Meter, windows: Windows, log: UsageLog) -> Mapping[str, Exact]:
    found: dict[str, Decimal] = {}
    add, get = EXACT.add, found.get
    for spans, subjects in alike(windows).items():
        for span in spans:
            for subject, _, amount in amounts_of(meter, subjects, span, log):
                found[subject] = add(get(subject, _NOTHING), amount)
    return {subject: as_ratio(total) for subject, total in found.items()}


def _areas(meter: Meter, windows: Windows, log: UsageLog) -> dict[str, Fraction]:
    found: dict[str, Decimal] = {}
    absences = log.absences(list(windows))
    for spans, subjects in alike(present(windows, absences)).items():
        for span in spans:
            timeline = timeline_of(meter, subjects, span, log)
            carry = carried(meter, subjects, span[0], log, absences)
            for series in timeline.keys() | carry.keys():
                before = carry.get(series, _NOTHING)
                area = area_of(timeline.get(series, ()), before, span)
                found[series[0]] = EXACT.add(found.get(series[0], _NOTHING), area)
    return {subject: Fraction(area) for subject, area in found.items()}


def _levels(meter: Meter, windows: Windows, period: Period, log: UsageLog) -> dict[str, Fraction]:
    found: dict[str, Fraction] = {}
    for series, cells in timeline_of(meter, list(windows), span_of(period), log).items():
        level = level_of(meter, cells) * share_of(windows[series[0]], period)
        found[series[0]] = found.get(series[0], _ZERO) + level
    return found

"""What does a meter mean? This: everything else is a quicker way to the same number.

From all readings of a meter ever made, in any order, to the quantity of a period. It is brute
force on purpose. Readings of a series are ordered by (time, id), so the order of arrival, lateness
and chunking cannot matter.

- count, sum and unique span the series: they look at the readings within the stretches. A sum
  below zero counts as zero.
- max, min, last and average (the mean of the values) are levels: each series is folded over its
  readings of the whole period, weighed by the share of the period that the payer had its subject,
  and the series are added.
- time_weighted is value x hours until the series' next reading, within the stretches. A reading
  from before the period counts from its start, the last one to its end. Deleting a resource ends
  the series that have it as their subject; what is read later counts from its next creation, if
  there is one. `over: period` divides by the whole period's hours.
- A meter on resources does the same with states (`states.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from tallygate.accounts.model import ResourceState
from tallygate.accounts.payers import Stretch
from tallygate.catalog.model import Meter
from tallygate.core.period import Period
from tallygate.metering.cell import HOUR
from tallygate.metering.reading import Reading
from tallygate.metering.states import areas, held_by, levels, lived
from tallygate.metering.windows import (
    FOREVER,
    Absence,
    Windows,
    overlap,
    present,
    share_of,
    span_of,
    windows_of,
)

Series = tuple[str, ...]


def fold(
    meter: Meter,
    readings: Iterable[Reading],
    stretches: Sequence[Stretch],
    period: Period,
    *,
    states: Iterable[ResourceState] = (),
    absences: Mapping[str, Sequence[Absence]] | None = None,
    whole: Period | None = None,
) -> Fraction:
    """The exact quantity of a period, before the rounding to the base unit.

    `absences` tells when subjects were deleted. For a preview the period ends at the instant
    asked about, and `whole` is the period that it is a part of.

    Raises:
        Invalid: a meter on resources aggregates by count, sum, average or unique.
    """
    windows = windows_of(stretches, period)
    if meter.reads_resources:
        held = held_by(meter, map(lived, states))
        if meter.aggregation == "time_weighted":
            return in_hours(meter, sum(areas(held, windows).values()), whole or period)
        return Fraction(sum(levels(meter, held, windows, period).values()))
    return _fold_readings(meter, readings, windows, period, absences or {}, whole or period)


def _fold_readings(  # noqa: PLR0917  # what fold was given, complete
    meter: Meter,
    readings: Iterable[Reading],
    windows: Windows,
    period: Period,
    absences: Mapping[str, Sequence[Absence]],
    whole: Period,
) -> Fraction:
    ordered = sorted(readings, key=lambda reading: (reading.micros, reading.id))
    match meter.aggregation:
        case "count":
            return Fraction(sum(1 for _ in _within(ordered, windows)))
        case "sum":
            total = sum((_number(reading) for reading in _within(ordered, windows)), Fraction(0))
            return max(total, Fraction(0))
        case "unique":
            return Fraction(len({reading.value for reading in _within(ordered, windows)}))
        case "time_weighted":
            area = _area(_by_series(ordered), windows, absences)
            return in_hours(meter, area, whole)
        case "max" | "min" | "last" | "average":
            return _levels(meter, ordered, windows, period)


def in_hours(meter: Meter, area: Fraction | int, whole: Period) -> Fraction:
    """Value x microseconds as value x hours, or divided by the whole period's hours."""
    per = whole.microseconds if meter.over == "period" else HOUR
    return Fraction(area) / per if per else Fraction(0)


def _within(readings: Iterable[Reading], windows: Windows) -> Iterable[Reading]:
    for reading in readings:
        spans = windows.get(reading.series[0], ())
        if any(start <= reading.micros < end for start, end in spans):
            yield reading


def _by_series(readings: Iterable[Reading]) -> dict[Series, list[Reading]]:
    found: dict[Series, list[Reading]] = {}
    for reading in readings:
        found.setdefault(reading.series, []).append(reading)
    return found


def _area(
    by_series: Mapping[Series, list[Reading]],
    windows: Windows,
    absences: Mapping[str, Sequence[Absence]],
) -> Fraction:
    area = Fraction(0)
    alive = present(windows, absences)
    for series, readings in by_series.items():
        gone = absences.get(series[0], ())
        deletions = [deleted for deleted, created in gone if created != deleted]
        until = [reading.micros for reading in readings[1:]] + [FOREVER]
        for reading, following in zip(readings, until, strict=True):
            later = [deleted for deleted in deletions if deleted > reading.micros]
            span = (reading.micros, min([following, *later]))
            for window in alive.get(series[0], ()):
                area += _number(reading) * overlap(span, window)
    return area


def _levels(
    meter: Meter, ordered: Iterable[Reading], windows: Windows, period: Period
) -> Fraction:
    start, end = span_of(period)
    inside = [reading for reading in ordered if start <= reading.micros < end]
    quantity = Fraction(0)
    for series, readings in _by_series(inside).items():
        weight = share_of(windows.get(series[0], ()), period)
        quantity += _level(meter, [_number(reading) for reading in readings]) * weight
    return quantity


def _level(meter: Meter, values: Sequence[Fraction]) -> Fraction:
    match meter.aggregation:
        case "max":
            return max(values)
        case "min":
            return min(values)
        case "last":
            return values[-1]
        case _:
            return sum(values, Fraction(0)) / len(values)


def _number(reading: Reading) -> Fraction:
    assert not isinstance(reading.value, str), "only unique reads text"
    return Fraction(reading.value)

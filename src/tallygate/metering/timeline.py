"""What did each series go through within a window, in the fewest rows?

Cells for the whole hours, readings for the ragged ends, and, for time_weighted, the value that
each series had before the window began. The readings of an end are made into cells of their own,
so a series becomes one list of cells in the order of time, whatever the window.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from tallygate.catalog.model import Meter
from tallygate.core.quantity import EXACT
from tallygate.metering.cell import HOUR, Cell, hour_of, whole_hours
from tallygate.metering.log import UsageLog
from tallygate.metering.reading import Reading
from tallygate.metering.windows import Absence, Window, ended_between, period_of

Series = tuple[str, ...]
Timeline = Mapping[Series, list[tuple[int, Cell]]]
"""By series, its cells within a window, by hour since 1970 and in order."""

DAY_HOURS = 24
ONE = Decimal(1)


class Piece(NamedTuple):
    """A stretch of a series' area: value x microseconds that fall on one day since 1970."""

    day: int
    area: Decimal


def timeline_of(
    meter: Meter, subjects: Sequence[str], window: Window, log: UsageLog
) -> dict[Series, list[tuple[int, Cell]]]:
    """The cells of these subjects' series within a window in microseconds.

    The cells of the hours at its ragged ends say who has any readings there: few, nearly always,
    and only theirs are read.
    """
    start, end = window
    first, last = whole_hours(start, end)
    if first == last:
        return _cells_of(log.readings(meter, subjects, period_of(start, end)))
    early, late = set[str](), set[str]()
    timeline: dict[Series, list[tuple[int, Cell]]] = {}
    for series, hour, cell in log.cells(meter, subjects, start // HOUR, -(-end // HOUR)):
        if hour < first:
            early.add(series[0])
        elif hour >= last:
            late.add(series[0])
        else:
            timeline.setdefault(series, []).append((hour, cell))
    for series, cells in _cells_of(_told(meter, early, (start, first * HOUR), log)).items():
        timeline[series] = cells + timeline.get(series, [])
    for series, cells in _cells_of(_told(meter, late, (last * HOUR, end), log)).items():
        timeline.setdefault(series, []).extend(cells)
    return timeline


def amounts_of(
    meter: Meter, subjects: Sequence[str], window: Window, log: UsageLog
) -> Iterator[tuple[str, int, Decimal]]:
    """What a `count` or `sum` comes to within a window in microseconds: (subject, hour, amount).

    The same subject and hour may come several times. As with cells, the hours at the ragged ends
    say whose readings are to be read.
    """
    start, end = window
    first, last = whole_hours(start, end)
    if first == last:
        yield from _added(meter, log.readings(meter, subjects, period_of(start, end)))
        return
    early, late = set[str](), set[str]()
    for found in log.amounts(meter, subjects, start // HOUR, -(-end // HOUR)):
        subject, hour, _ = found
        if hour < first:
            early.add(subject)
        elif hour >= last:
            late.add(subject)
        else:
            yield found
    yield from _added(meter, _told(meter, early, (start, first * HOUR), log))
    yield from _added(meter, _told(meter, late, (last * HOUR, end), log))


def carried(
    meter: Meter,
    subjects: Sequence[str],
    start: int,
    log: UsageLog,
    absences: Mapping[str, Sequence[Absence]],
) -> dict[Series, Decimal]:
    """The value that each series had when the window began; a deletion has ended it."""
    return {
        reading.series: reading.value
        for reading in log.last_before(meter, subjects, start)
        if isinstance(reading.value, Decimal)
        and not ended_between(absences.get(reading.series[0], ()), reading.micros, start)
    }


def area_of(cells: Sequence[tuple[int, Cell]], carry: Decimal, window: Window) -> Decimal:
    """Value x microseconds of one series within the window, exactly."""
    add, fma = EXACT.add, EXACT.fma
    at, end = window
    value, area = carry, Decimal(0)
    for _, cell in cells:
        area = fma(value, cell.first[0] - at, area)
        area = add(area, cell.area)
        at, _, value = cell.last
    return fma(value, end - at, area)


def area_by_day(
    cells: Sequence[tuple[int, Cell]], carry: Decimal, window: Window
) -> Iterator[Piece]:
    """The same area, in pieces that each fall on one UTC day since 1970."""
    at, end = window
    value = carry
    for hour, cell in cells:
        yield from _by_day(value, at, cell.first[0])
        yield Piece(hour // DAY_HOURS, cell.area)
        at, _, value = cell.last
    yield from _by_day(value, at, end)


def _by_day(value: Decimal, start: int, end: int) -> Iterator[Piece]:
    day_length = DAY_HOURS * HOUR
    while value and start < end:
        day = start // day_length
        stop = min(end, (day + 1) * day_length)
        yield Piece(day, EXACT.multiply(value, stop - start))
        start = stop


def _told(meter: Meter, whose: set[str], window: Window, log: UsageLog) -> Iterable[Reading]:
    """The readings of some subjects within a window; where there are none, nobody is asked."""
    return log.readings(meter, sorted(whose), period_of(*window)) if whose else ()


def _added(meter: Meter, readings: Iterable[Reading]) -> Iterator[tuple[str, int, Decimal]]:
    counts = meter.aggregation == "count"
    for reading in readings:
        amount = ONE if counts else reading.value
        assert isinstance(amount, Decimal), "what is added up is a number"
        yield reading.series[0], hour_of(reading.micros), amount


def _cells_of(readings: Iterable[Reading]) -> dict[Series, list[tuple[int, Cell]]]:
    grouped: dict[Series, dict[int, list[Reading]]] = {}
    for reading in readings:
        hours = grouped.setdefault(reading.series, {})
        hours.setdefault(hour_of(reading.micros), []).append(reading)
    return {
        series: [(hour, Cell.of(hours[hour])) for hour in sorted(hours)]
        for series, hours in grouped.items()
    }

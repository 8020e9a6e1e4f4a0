"""How much on each day, and out of which events?

The usage report's question and an explained line's: the quantity by subject and UTC day, and the
way down from a line to the readings, or the resource states, that stand behind it.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from tallygate.accounts.model import ResourceState
from tallygate.accounts.payers import Stretch
from tallygate.catalog.model import Meter
from tallygate.core.period import EPOCH, Period
from tallygate.core.quantity import EXACT
from tallygate.metering.cell import HOUR, Cell
from tallygate.metering.fold import in_hours
from tallygate.metering.log import UsageLog
from tallygate.metering.measure import Exact, as_ratio, level_of
from tallygate.metering.reading import Reading
from tallygate.metering.states import areas, held_by, levels
from tallygate.metering.timeline import DAY_HOURS, amounts_of, area_by_day, carried, timeline_of
from tallygate.metering.windows import (
    Windows,
    alike,
    period_of,
    present,
    span_of,
    windows_of,
    within,
)

DAY = DAY_HOURS * HOUR

ByDay = dict[tuple[str, int], Exact]
"""Quantities by subject and day since 1970."""


class DayUsage(NamedTuple):
    """What a subject used on a UTC day, exactly: what falls on it, or a level's height."""

    subject: str
    day: date
    quantity: Fraction


def daily(
    meter: Meter,
    stretches: Sequence[Stretch],
    period: Period,
    log: UsageLog,
    *,
    whole: Period | None = None,
) -> tuple[DayUsage, ...]:
    """What each subject used on each UTC day of the period, by subject and day.

    For count, sum and time_weighted the days of a period add up to its quantity. A level's is the
    height of that day alone (a day's peak, its mean), so the days do not add up, and no share
    weighs it; a `unique` value counts on each of its days. Days without usage are left out.

    Raises:
        Invalid: a meter on resources aggregates by count, sum, average or unique.
    """
    found = daily_windows(meter, windows_of(stretches, period), period, log, whole=whole)
    return tuple(
        DayUsage(subject, EPOCH.date() + timedelta(days=day), Fraction(found[subject, day]))
        for subject, day in sorted(found)
    )


def daily_windows(
    meter: Meter,
    windows: Windows,
    period: Period,
    log: UsageLog,
    *,
    whole: Period | None = None,
) -> ByDay:
    """The same, of subjects whose windows within the period are known, by days since 1970."""
    found: ByDay = {}
    if meter.reads_resources:
        found = _states_by_day(meter, windows, period, log, whole or period)
    elif meter.aggregation == "time_weighted":
        for key, area in _areas_by_day(meter, windows, log).items():
            found[key] = in_hours(meter, Fraction(area), whole or period)
    elif meter.aggregation == "unique":
        found = _unique_by_day(meter, windows, log)
    elif meter.aggregation in {"count", "sum"}:
        found = _amounts_by_day(meter, windows, log)
    else:
        found = _levels_by_day(meter, windows, log)
    return found


def readings_behind(
    meter: Meter, stretches: Sequence[Stretch], period: Period, log: UsageLog
) -> Iterator[Reading]:
    """The readings that a quantity was made of.

    Those within the stretches; for levels those of the whole period, since that is what a payer
    gets a share of; for time_weighted also the one that each series began the window with.
    """
    windows = windows_of(stretches, period)
    if meter.is_level and meter.aggregation != "unique":
        windows = dict.fromkeys(windows, (span_of(period),))
    if meter.aggregation == "time_weighted":
        windows = present(windows, log.absences(list(windows)))
    for spans, subjects in alike(windows).items():
        for start, end in spans:
            if meter.aggregation == "time_weighted":
                yield from log.last_before(meter, subjects, start)
            yield from log.readings(meter, subjects, period_of(start, end))


def states_behind(
    meter: Meter, stretches: Sequence[Stretch], period: Period, log: UsageLog
) -> Iterator[ResourceState]:
    """The states that the quantity of a meter on resources was made of."""
    windows = windows_of(stretches, period)
    for one in log.states(list(windows), period):
        if held_by(meter, [one]):
            yield one.state()


def _amounts_by_day(meter: Meter, windows: Windows, log: UsageLog) -> ByDay:
    found: dict[tuple[str, int], Decimal] = {}
    add, get = EXACT.add, found.get
    for spans, subjects in alike(windows).items():
        for span in spans:
            for subject, hour, amount in amounts_of(meter, subjects, span, log):
                key = (subject, hour // DAY_HOURS)
                found[key] = add(get(key, Decimal(0)), amount)
    return {key: as_ratio(total) for key, total in found.items()}


def _levels_by_day(meter: Meter, windows: Windows, log: UsageLog) -> ByDay:
    found: ByDay = {}
    for spans, subjects in alike(windows).items():
        days: dict[tuple[tuple[str, ...], int], list[tuple[int, Cell]]] = {}
        for span in spans:
            for series, cells in timeline_of(meter, subjects, span, log).items():
                for hour, cell in cells:
                    days.setdefault((series, hour // DAY_HOURS), []).append((hour, cell))
        for (series, day), cells in days.items():
            key, level = (series[0], day), level_of(meter, cells)
            found[key] = found[key] + level if key in found else level
    return found


def _areas_by_day(meter: Meter, windows: Windows, log: UsageLog) -> dict[tuple[str, int], Decimal]:
    found: dict[tuple[str, int], Decimal] = {}
    absences = log.absences(list(windows))
    for spans, subjects in alike(present(windows, absences)).items():
        for span in spans:
            timeline = timeline_of(meter, subjects, span, log)
            carry = carried(meter, subjects, span[0], log, absences)
            for series in timeline.keys() | carry.keys():
                before = carry.get(series, Decimal(0))
                for day, area in area_by_day(timeline.get(series, ()), before, span):
                    key = (series[0], day)
                    found[key] = EXACT.add(found.get(key, Decimal(0)), area)
    return {key: area for key, area in found.items() if area}


def _unique_by_day(meter: Meter, windows: Windows, log: UsageLog) -> ByDay:
    seen: dict[tuple[str, int], set[Decimal | str]] = {}
    for spans, subjects in alike(windows).items():
        for start, end in spans:
            for reading in log.readings(meter, subjects, period_of(start, end)):
                key = (reading.series[0], reading.micros // DAY)
                seen.setdefault(key, set()).add(reading.value)
    return {key: Fraction(len(values)) for key, values in seen.items()}


def _states_by_day(
    meter: Meter, windows: Windows, period: Period, log: UsageLog, whole: Period
) -> ByDay:
    held = held_by(meter, log.states(list(windows), period))
    start, end = span_of(period)
    found: ByDay = {}
    for day in range(start // DAY, -(-end // DAY)):
        span = (max(start, day * DAY), min(end, (day + 1) * DAY))
        todays = within(windows, span)
        if meter.aggregation == "time_weighted":
            parts = areas(held, todays)
            quantities = {who: in_hours(meter, area, whole) for who, area in parts.items()}
        else:
            today = dict.fromkeys(todays, (span,))
            quantities = levels(meter, held, today, period_of(*span))
        found.update({(who, day): quantity for who, quantity in quantities.items() if quantity})
    return found

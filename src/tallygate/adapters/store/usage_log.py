"""What does the store answer when metering asks about usage?

The seven questions of `metering.log`, from the sums where whole hours are asked for and from the
events otherwise. A meter that no applied catalog has is answered from the events alone. Subjects
are our own ids, and belong to the payer who is measured; nothing else is read.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from tallygate.adapters.store.bulk import Found, Lookup, among, listed, rows_at_once
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.lives import lives_of
from tallygate.adapters.store.meters import ActiveMeter, number_of
from tallygate.adapters.store.rollups import (
    CELL_COLUMNS,
    SPAN,
    cell_from,
    read_row,
    series_from,
)
from tallygate.catalog.model import Meter
from tallygate.core.period import Period
from tallygate.metering.cell import HOUR, Cell, hour_of, whole_hours
from tallygate.metering.read import compile_reader, definition
from tallygate.metering.reading import Reading
from tallygate.metering.states import Lived
from tallygate.metering.windows import (
    FOREVER,
    Absence,
    Windows,
    absences_of,
    alike,
    span_of,
)

_EVENTS = (
    "FROM streams s JOIN events e ON e.stream = s.number JOIN origins o ON o.number = e.origin"
    " WHERE s.type = ? AND e.at >= ? AND e.at < ? AND e.seq <= ? AND s.subject"
)
_CELLS = "FROM cells WHERE meter = ? AND hour >= ? AND hour < ? AND subject"
_READING_COLUMNS = ("s.subject", "o.source", "e.id", "e.at", "e.content")
_LATEST = Lookup(
    "cells",
    (("meter", int), ("subject", str), ("series", str), ("hour", int)),
    ("subject", "series", "last_at", "last_id", "last_value"),
)


class StoreLog:
    """A `UsageLog` over one transaction; it may serve many accounts.

    With `known`, a position of the log, it answers as if nothing had come after it, from the
    events alone. The lives of resources are those of now, all the same.
    """

    def __init__(self, tx: Transaction, known: int | None = None) -> None:
        self._tx = tx
        self._known = known
        self._numbers: dict[str, int | None] = {}

    def cells(
        self, meter: Meter, subjects: Sequence[str], first_hour: int, last_hour: int
    ) -> Iterable[tuple[tuple[str, ...], int, Cell]]:
        """The cells (series, hour, cell) of the hours [first_hour, last_hour) since 1970."""
        number = self._number_of(meter)
        if number is None:
            yield from self._counted(meter, subjects, first_hour, last_hour)
            return
        wanted = ("subject", "hour", "series", *CELL_COLUMNS)
        rows = self._rows(wanted, _CELLS, (number, first_hour, last_hour), subjects)
        for subject, hour, series, *values in sorted(rows):
            yield series_from(str(subject), str(series)), int(hour), cell_from(values)

    def amounts(
        self, meter: Meter, subjects: Sequence[str], first_hour: int, last_hour: int
    ) -> Iterable[tuple[str, int, Decimal]]:
        """What a count or a sum comes to in the hours [first_hour, last_hour) since 1970."""
        number, column = self._number_of(meter), "total"
        if meter.aggregation == "count":
            column = "count"
        if number is None:
            for series, hour, cell in self._counted(meter, subjects, first_hour, last_hour):
                yield series[0], hour, Decimal(getattr(cell, column))
            return
        wanted = ("subject", "hour", column)
        rows = self._rows(wanted, _CELLS, (number, first_hour, last_hour), subjects)
        yield from ((str(who), int(hour), Decimal(amount)) for who, hour, amount in rows)

    def readings(self, meter: Meter, subjects: Sequence[str], window: Period) -> list[Reading]:
        """The readings whose time lies in the window, by (time, id)."""
        return self._between(meter, subjects, *span_of(window))

    def last_before(self, meter: Meter, subjects: Sequence[str], micros: int) -> list[Reading]:
        """The latest reading of each series strictly before an instant."""
        hour, number = hour_of(micros), self._number_of(meter)
        latest: dict[tuple[str, ...], Reading] = {}
        if number is None:
            for reading in self._between(meter, subjects, 0, micros):
                latest[reading.series] = reading
            return list(latest.values())
        rows = self._rows(
            ("subject", "series", "hour"),
            "FROM (SELECT subject, series, max(hour) AS hour FROM cells"
            " WHERE meter = ? AND hour < ? AND subject",
            (number, hour),
            subjects,
            " GROUP BY subject, series) AS ends",
        )
        for who, series, at, name, value in _LATEST.run(self._tx, [(number, *r) for r in rows]):
            full = series_from(str(who), str(series))
            latest[full] = Reading(full, int(at), str(name), Decimal(value))
        for reading in self._between(meter, subjects, hour * HOUR, micros):
            latest[reading.series] = reading
        return list(latest.values())

    def distinct(self, meter: Meter, windows: Windows) -> int:
        """How many different values a `unique` meter has in all windows together."""
        return len({value for _, value in self._seen(meter, windows)})

    def distinct_of_each(self, meter: Meter, windows: Windows) -> dict[str, int]:
        """How many different values each subject has; one that several have counts for each."""
        return Counter(subject for subject, _ in set(self._seen(meter, windows)))

    def _seen(self, meter: Meter, windows: Windows) -> Iterator[tuple[str, str]]:
        """The values of a `unique` meter, each with the subject that it was seen of."""
        number = self._number_of(meter)
        for spans, subjects in alike(windows).items():
            for start, end in spans:
                first, last = whole_hours(start, end)
                if number is None or first >= last:
                    yield from self._values(meter, subjects, start, end)
                    continue
                yield from self._values(meter, subjects, start, first * HOUR)
                yield from self._values(meter, subjects, last * HOUR, end)
                yield from self._marked(number, subjects, first, last)

    def states(self, subjects: Sequence[str], window: Period) -> Iterable[Lived]:
        """The states, overlapping the window, of those subjects that are resources."""
        return lives_of(self._tx, subjects, window)

    def absences(self, subjects: Sequence[str]) -> Mapping[str, Sequence[Absence]]:
        """When those of the subjects that are resources were deleted: until the next creation."""
        rows = self._rows(
            ("resource", "since", f"coalesce(until, {FOREVER})"),
            "FROM resource_states WHERE resource",
            (),
            subjects,
        )
        return absences_of((str(who), int(since), int(until)) for who, since, until in rows)

    def touched_since(
        self, meter: Meter, subjects: Sequence[str], window: Period, position: int
    ) -> bool:
        """Whether events after a position of the log may have changed what a meter says.

        Of a window, that is. False is certain. True may be a false alarm: the hours at the
        window's ends count whole, and of a time_weighted meter all that came before. States of
        resources always may have changed.
        """
        return bool(self.touched_among(meter, subjects, window, position))

    def touched_among(
        self, meter: Meter, subjects: Sequence[str], window: Period, position: int
    ) -> set[str]:
        """Those of some subjects of which the same may be: who is left out is certain."""
        number = self._number_of(meter)
        if number is None or meter.reads_resources:
            return set(subjects)
        start, end = span_of(window)
        first, last = start // HOUR, -(-end // HOUR)
        column, table = "hour", "cells"
        if meter.aggregation == "unique":
            column, table, first, last = "span", "marked_values", first // SPAN, -(-last // SPAN)
        if meter.aggregation == "time_weighted":
            first = 0
        asked = (
            f"FROM (SELECT DISTINCT subject FROM {table} WHERE meter = ? AND {column} >= ?"  # noqa: S608  # our names
            f" AND {column} < ? AND position > ? AND subject"
        )
        found = (number, first, last, position)
        rows = self._rows(("subject",), asked, found, subjects, ") AS touched")
        return {str(subject) for [subject] in rows}

    def _number_of(self, meter: Meter) -> int | None:
        """The number under which a meter's sums are kept, asked for once.

        None: there are none, or none that tell what was known at a position.
        """
        if self._known is not None:
            return None
        said = definition(meter)
        if said not in self._numbers:
            self._numbers[said] = number_of(self._tx, meter)
        return self._numbers[said]

    def _counted(
        self, meter: Meter, subjects: Sequence[str], first_hour: int, last_hour: int
    ) -> Iterator[tuple[tuple[str, ...], int, Cell]]:
        places: dict[tuple[tuple[str, ...], int], Cell] = {}
        for reading in self._between(meter, subjects, first_hour * HOUR, last_hour * HOUR):
            place = (reading.series, hour_of(reading.micros))
            places.setdefault(place, Cell()).add(reading)
        for series, hour in sorted(places):
            yield series, hour, places[series, hour]

    def _between(
        self, meter: Meter, subjects: Sequence[str], start: int, end: int
    ) -> list[Reading]:
        if start >= end:
            return []
        active = ActiveMeter(0, meter, compile_reader(meter), current=True)
        last = FOREVER if self._known is None else self._known
        asked = (meter.event, start, end, last)
        found = self._rows(_READING_COLUMNS, _EVENTS, asked, subjects)
        readings = [
            read_row(active, str(who), int(at), f"{source} {name}", str(content))
            for who, source, name, at, content in found
        ]
        return sorted((r for r in readings if r is not None), key=lambda r: (r.micros, r.id))

    def _values(
        self, meter: Meter, subjects: Sequence[str], start: int, end: int
    ) -> Iterator[tuple[str, str]]:
        for reading in self._between(meter, subjects, start, end):
            yield reading.series[0], str(reading.value)

    def _marked(
        self, number: int, subjects: Sequence[str], first: int, last: int
    ) -> Iterator[tuple[str, str]]:
        """The values that were seen in the hours [first, last), each with its subject."""
        for span in range(first // SPAN, (last - 1) // SPAN + 1):
            low, high = max(first - span * SPAN, 0), min(last - span * SPAN, SPAN)
            asked = "FROM marked_values WHERE meter = ? AND span = ? AND subject"
            if high - low == SPAN:
                pair = ("subject", "value")
                for who, value in self._rows(pair, asked, (number, span), subjects):
                    yield str(who), str(value)
                continue
            wanted = (1 << high) - (1 << low)
            columns = ("subject", "value", "hours")
            for who, value, hours in self._rows(columns, asked, (number, span), subjects):
                if int(str(hours), 16) & wanted:
                    yield str(who), str(value)

    def _rows(
        self,
        wanted: Sequence[str],
        asked: str,
        parameters: tuple[int | str, ...],
        subjects: Sequence[str],
        rest: str = "",
    ) -> list[Found]:
        """The rows of a query that ends in `AND subject`, for some subjects."""
        question = f"{asked} {among(self._tx)}{rest}"
        return rows_at_once(self._tx, wanted, question, (*parameters, listed(subjects)))

"""How are the sums kept equal to the log?

A cell is an hour of a series; what a transaction adds to the log it adds to the cells as well. The
arithmetic is metering's, in exact decimals: the database adds nothing up. Where a reading
falls between two others, the area under the series is counted again from the log.

For a `unique` meter there are no cells but the values themselves: for each value and each span of
30 days, the hours in which it was seen, one bit for each.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import count

import msgspec

from tallygate.adapters.store.bulk import Insert, Lookup, rows_at_once
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.events import read_content
from tallygate.adapters.store.meters import ActiveMeter, ActiveMeters, register
from tallygate.adapters.store.walls import beyond_tenant
from tallygate.catalog.model import Catalog
from tallygate.core.errors import Invalid
from tallygate.metering.cell import HOUR, ZERO, Cell, Mark
from tallygate.metering.reading import Reading

Place = tuple[int, tuple[str, ...], int]
"""Where a cell is: meter, series, hour."""

SPAN = 720
"""Hours in one row of marked values."""

CHUNK = 20_000
"""Events that are read at a time when sums are made from the log."""

CELL_COLUMNS = (
    "count",
    "total",
    "least",
    "greatest",
    "first_at",
    "first_id",
    "first_value",
    "last_at",
    "last_id",
    "last_value",
    "area",
)
_WHOLE = frozenset(("count", "first_at", "last_at"))
_CELL_VALUES = tuple((name, int if name in _WHOLE else str) for name in CELL_COLUMNS)
_CELL_KEY = (("meter", int), ("subject", str), ("series", str), ("hour", int))
_CELLS = Lookup(
    "cells", _CELL_KEY, ("number", "meter", "subject", "series", "hour", *CELL_COLUMNS)
)
_SAVE_CELLS = Insert(
    "cells",
    (("number", int), *_CELL_KEY, *_CELL_VALUES, ("position", int)),
    "ON CONFLICT (meter, subject, series, hour) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in (*CELL_COLUMNS, "position")),
)
_MARK_KEY = (("meter", int), ("subject", str), ("span", int), ("value", str))
_MARKS = Lookup(
    "marked_values", _MARK_KEY, ("number", "meter", "subject", "span", "value", "hours")
)
_SAVE_MARKS = Insert(
    "marked_values",
    (("number", int), *_MARK_KEY, ("hours", str), ("position", int)),
    "ON CONFLICT (meter, subject, span, value) DO UPDATE SET"
    " hours = excluded.hours, position = excluded.position",
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[str, ...]).decode


class Sums:
    """What some new events come to, before it is added to what is stored."""

    def __init__(self) -> None:
        self.readings: defaultdict[Place, list[Reading]] = defaultdict(list)
        self.marks: dict[tuple[int, str, int, str], int] = {}
        self.positions: dict[object, int] = {}

    def add(self, number: int, reading: Reading, position: int) -> None:
        """Take in one reading of a meter."""
        series, micros, _, value = reading
        hour = micros // HOUR
        if value.__class__ is str:
            mark = (number, series[0], hour // SPAN, str(value))
            self.marks[mark] = self.marks.get(mark, 0) | 1 << hour % SPAN
            self.positions[mark] = position
            return
        place = (number, series, hour)
        self.readings[place].append(reading)
        self.positions[place] = position


def save(tx: Transaction, active: ActiveMeters, sums: Sums) -> None:
    """Add the sums of new events to the stored ones. The events themselves are in the log."""
    _save_cells(tx, active, sums)
    _save_marks(tx, sums)


def register_meters(tx: Transaction, version: int, catalog: Catalog) -> None:
    """Number the ways of reading that a version of the catalog brings, with sums from the log.

    Call it in the transaction that saves the version.
    """
    for active in register(tx, version, catalog):
        build(tx, active)


def rebuild(tx: Transaction, active: ActiveMeters) -> None:
    """Forget all sums and make them again from the log."""
    tx.exec_driver_sql("DELETE FROM cells")
    tx.exec_driver_sql("DELETE FROM marked_values")
    for meter in active.by_number.values():
        build(tx, meter)


def build(tx: Transaction, active: ActiveMeter) -> None:
    """Make the sums of one meter that has none yet."""
    only = ActiveMeters({active.meter.event: (active,)}, {active.number: active})
    sums = Sums()
    for taken, (position, reading) in enumerate(read_log(tx, active), 1):
        sums.add(active.number, reading, position)
        if taken % CHUNK == 0:
            save(tx, only, sums)
            sums = Sums()
    save(tx, only, sums)


def read_log(tx: Transaction, active: ActiveMeter) -> Iterator[tuple[int, Reading]]:
    """All readings of a meter in the log, with their positions, in the order of arrival.

    An event that the meter cannot read was accepted without it, and says nothing to it.
    """
    last = 0
    while True:
        rows = rows_at_once(
            tx,
            ("seq", "source", "id", "subject", "at", "content"),
            "FROM (SELECT e.seq, o.source, e.id, s.subject, e.at, e.content FROM events e"
            " JOIN streams s ON s.number = e.stream JOIN origins o ON o.number = e.origin"
            " WHERE s.type = ? AND e.seq > ? ORDER BY e.seq LIMIT ?) AS part",
            (active.meter.event, last, CHUNK),
        )
        rows.sort()
        for seq, source, name, subject, at, content in rows:
            last = int(seq)
            reading = read_row(active, str(subject), int(at), f"{source} {name}", str(content))
            if reading is not None:
                yield last, reading
        if len(rows) < CHUNK:
            return


def read_row(active: ActiveMeter, subject: str, at: int, key: str, content: str) -> Reading | None:
    """What a stored event says to a meter."""
    try:
        return active.read(active.meter.event, subject, at, key, read_content(content))
    except Invalid:
        return None


def cell_from(values: Sequence[int | str]) -> Cell:
    """A cell out of its columns, in the order of CELL_COLUMNS."""
    number, total, least, greatest, at, name, value, last_at, last_name, last_value, area = values
    return Cell(
        int(number),
        Decimal(total),
        Decimal(least),
        Decimal(greatest),
        Mark(int(at), str(name), Decimal(value)),
        Mark(int(last_at), str(last_name), Decimal(last_value)),
        Decimal(area),
    )


def series_text(series: tuple[str, ...]) -> str:
    """The part of a series after its subject, as it is kept."""
    return _encode(series[1:]).decode() if len(series) > 1 else ""


def series_from(subject: str, text: str) -> tuple[str, ...]:
    """The series that `series_text` wrote."""
    return (subject, *_decode(text)) if text else (subject,)


def _save_cells(tx: Transaction, active: ActiveMeters, sums: Sums) -> None:
    if not sums.readings:
        return
    keys = {
        place: (place[0], place[1][0], series_text(place[1]), place[2]) for place in sums.readings
    }
    stored = {tuple(row[1:5]): row for row in _CELLS.run(tx, keys.values())}
    fresh = _numbers(tx, "SELECT coalesce(max(number), 0) + 1 FROM cells")
    rows = []
    for place, readings in sums.readings.items():
        key, meter = keys[place], active.by_number[place[0]]
        row = stored.get(key)
        cell = Cell() if row is None else cell_from(row[5:])
        certain = cell.absorb(Cell.of(readings))
        if meter.meter.aggregation != "time_weighted":
            cell.area = ZERO  # nobody asks for it, and it would depend on the order of arrival
        elif not certain:
            cell = _recounted(tx, meter, place)
        number = next(fresh) if row is None else int(row[0])
        rows.append((number, *key, *_values(cell), sums.positions[place]))
    _SAVE_CELLS.run(tx, rows)


def _recounted(tx: Transaction, active: ActiveMeter, place: Place) -> Cell:
    """The cell as the log has it, with its true area."""
    _, series, hour = place
    found = read_stream(tx, active, series[0], hour * HOUR, (hour + 1) * HOUR)
    return Cell.of(reading for reading in found if reading.series == series)


def read_stream(
    tx: Transaction, active: ActiveMeter, subject: str, start: int, end: int
) -> Iterable[Reading]:
    """The readings of a subject's events in [start, end), in no particular order."""
    rows = rows_at_once(
        tx,
        ("o.source", "e.id", "e.at", "e.content"),
        "FROM streams s JOIN events e ON e.stream = s.number JOIN origins o ON"
        " o.number = e.origin WHERE s.subject = ? AND s.type = ? AND e.at >= ? AND e.at < ?",
        (subject, active.meter.event, start, end),
    )
    for source, name, at, content in rows:
        reading = read_row(active, subject, int(at), f"{source} {name}", str(content))
        if reading is not None:
            yield reading


def _values(cell: Cell) -> tuple[int | str, ...]:
    first, last = cell.first, cell.last
    return (
        cell.count,
        str(cell.total),
        str(cell.least),
        str(cell.greatest),
        first.micros,
        first.id,
        str(first.value),
        last.micros,
        last.id,
        str(last.value),
        str(cell.area),
    )


def _save_marks(tx: Transaction, sums: Sums) -> None:
    if not sums.marks:
        return
    stored = {tuple(row[1:5]): row for row in _MARKS.run(tx, sums.marks)}
    fresh = _numbers(tx, "SELECT coalesce(max(number), 0) + 1 FROM marked_values")
    rows = []
    for mark, hours in sums.marks.items():
        row = stored.get(mark)
        known = int(str(row[5]), 16) if row is not None else 0
        if known | hours != known:
            number = int(row[0]) if row is not None else next(fresh)
            rows.append((number, *mark, f"{known | hours:x}", sums.positions[mark]))
    _SAVE_MARKS.run(tx, rows)


def _numbers(tx: Transaction, first: str) -> Iterator[int]:
    """Numbers for new rows; the database is asked when the first is needed."""
    with beyond_tenant(tx):  # one sequence numbers everybody's
        start = int(tx.exec_driver_sql(first).scalar_one())
    yield from count(start)

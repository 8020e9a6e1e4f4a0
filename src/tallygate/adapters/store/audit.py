"""Do the sums still equal the log?

They must, after every commit and every crash. This reads the whole log, so it is for tests, for
`doctor`, and for an operator in doubt.
"""

from tallygate.adapters.store.bulk import rows_at_once
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.meters import ActiveMeter, active_meters
from tallygate.adapters.store.rollups import (
    CELL_COLUMNS,
    SPAN,
    cell_from,
    read_log,
    series_text,
)
from tallygate.metering.cell import ZERO, Cell, hour_of
from tallygate.metering.reading import Reading


def count_differences(tx: Transaction) -> int:
    """How many sums differ from the log, are missing, or are there without events."""
    different = 0
    for active in active_meters(tx).by_number.values():
        if active.meter.aggregation == "unique":
            kept, wanted = _kept_marks(tx, active), _marks_of(tx, active)
            different += len(kept.items() ^ wanted.items())
        else:
            cells, counted = _kept_cells(tx, active), _cells_of(tx, active)
            places = cells.keys() | counted.keys()
            different += sum(cells.get(place) != counted.get(place) for place in places)
    return different


def _kept_cells(tx: Transaction, active: ActiveMeter) -> dict[tuple[str, str, int], Cell]:
    columns = ("subject", "series", "hour", *CELL_COLUMNS)
    rows = rows_at_once(tx, columns, "FROM cells WHERE meter = ?", (active.number,))
    return {(str(row[0]), str(row[1]), int(row[2])): cell_from(row[3:]) for row in rows}


def _cells_of(tx: Transaction, active: ActiveMeter) -> dict[tuple[str, str, int], Cell]:
    grouped: dict[tuple[str, str, int], list[Reading]] = {}
    for _, reading in read_log(tx, active):
        place = (reading.series[0], series_text(reading.series), hour_of(reading.micros))
        grouped.setdefault(place, []).append(reading)
    cells = {place: Cell.of(readings) for place, readings in grouped.items()}
    if active.meter.aggregation != "time_weighted":
        for cell in cells.values():
            cell.area = ZERO
    return cells


def _kept_marks(tx: Transaction, active: ActiveMeter) -> dict[tuple[str, int, str], int]:
    columns = ("subject", "span", "value", "hours")
    rows = rows_at_once(tx, columns, "FROM marked_values WHERE meter = ?", (active.number,))
    return {(str(r[0]), int(r[1]), str(r[2])): int(str(r[3]), 16) for r in rows}


def _marks_of(tx: Transaction, active: ActiveMeter) -> dict[tuple[str, int, str], int]:
    marks: dict[tuple[str, int, str], int] = {}
    for _, reading in read_log(tx, active):
        span, hour = divmod(hour_of(reading.micros), SPAN)
        place = (reading.series[0], span, str(reading.value))
        marks[place] = marks.get(place, 0) | 1 << hour
    return marks

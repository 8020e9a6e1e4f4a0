"""A usage log that is a list: what the store must agree with, and the pure room's own test bench.

Cells are kept as a store keeps them: reading by reading, in the order of arrival, counted again
where the cell says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from tallygate.accounts.model import ResourceState
from tallygate.catalog.model import Meter
from tallygate.core.period import Period, to_micros
from tallygate.metering.cell import Cell, hour_of
from tallygate.metering.reading import Reading
from tallygate.metering.states import Lived, lived
from tallygate.metering.windows import Absence, Windows

Series = tuple[str, ...]


@dataclass
class ListedLog:
    """Readings by meter key, in the order of arrival, beside states and deletions."""

    by_meter: Mapping[str, Sequence[Reading]]
    resource_states: Sequence[ResourceState] = ()
    gone: Mapping[str, Sequence[Absence]] = field(default_factory=dict)
    rows: int = 0
    _cells: dict[str, dict[tuple[Series, int], Cell]] = field(default_factory=dict)

    def cells(
        self, meter: Meter, subjects: Sequence[str], first_hour: int, last_hour: int
    ) -> Iterable[tuple[Series, int, Cell]]:
        assert meter.aggregation != "unique", "unique has no cells"
        kept = self._kept(meter)
        for series, hour in sorted(kept):
            if series[0] in subjects and first_hour <= hour < last_hour:
                self.rows += 1
                yield series, hour, kept[series, hour]

    def amounts(
        self, meter: Meter, subjects: Sequence[str], first_hour: int, last_hour: int
    ) -> Iterable[tuple[str, int, Decimal]]:
        for reading in self._all(meter):
            hour = hour_of(reading.micros)
            if reading.series[0] in subjects and first_hour <= hour < last_hour:
                counts = meter.aggregation == "count"
                self.rows += 1
                yield reading.series[0], hour, Decimal(1) if counts else Decimal(reading.value)

    def readings(self, meter: Meter, subjects: Sequence[str], window: Period) -> Iterable[Reading]:
        start, end = to_micros(window.start), to_micros(window.end)
        wanted = set(subjects)
        for reading in sorted(self._all(meter), key=lambda r: (r.micros, r.id)):
            if reading.series[0] in wanted and start <= reading.micros < end:
                self.rows += 1
                yield reading

    def last_before(self, meter: Meter, subjects: Sequence[str], micros: int) -> Iterable[Reading]:
        latest: dict[Series, Reading] = {}
        for reading in sorted(self._all(meter), key=lambda r: (r.micros, r.id)):
            if reading.series[0] in subjects and reading.micros < micros:
                latest[reading.series] = reading
        return list(latest.values())

    def distinct(self, meter: Meter, windows: Windows) -> int:
        return len(
            {
                reading.value
                for reading in self._all(meter)
                for start, end in windows.get(reading.series[0], ())
                if start <= reading.micros < end
            }
        )

    def states(self, subjects: Sequence[str], window: Period) -> Iterable[Lived]:
        return [
            lived(state)
            for state in self.resource_states
            if state.resource in subjects
            and state.since < window.end
            and (state.until is None or state.until > window.start)
        ]

    def absences(self, subjects: Sequence[str]) -> Mapping[str, Sequence[Absence]]:
        return {who: self.gone[who] for who in subjects if who in self.gone}

    def _all(self, meter: Meter) -> Sequence[Reading]:
        return self.by_meter.get(meter.key, ())

    def _kept(self, meter: Meter) -> dict[tuple[Series, int], Cell]:
        if meter.key in self._cells:
            return self._cells[meter.key]
        kept: dict[tuple[Series, int], Cell] = {}
        arrived: dict[tuple[Series, int], list[Reading]] = {}
        for reading in self._all(meter):
            place = (reading.series, hour_of(reading.micros))
            arrived.setdefault(place, []).append(reading)
            if not kept.setdefault(place, Cell()).add(reading):
                kept[place] = Cell.of(arrived[place])
        self._cells[meter.key] = kept
        return kept

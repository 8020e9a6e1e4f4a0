"""What has to be kept of an hour of readings, so that they need not be read again?

A cell: one hour of one series of one meter. It answers all aggregations but `unique` (which needs
the values themselves), and cells of neighboring hours answer for the time between them.

The fields are exact, so a cell is the same however its readings were ordered or chunked, with one
exception that it knows of itself: the area under a series needs the readings' order. A reading
that falls between two others leaves the area unknown; `add` and `absorb` then say so, and a
time_weighted meter has the cell counted again from the events (`Cell.of`).
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from tallygate.core.quantity import EXACT
from tallygate.metering.reading import Reading

HOUR = 3_600_000_000
"""Microseconds in an hour: the width of a cell."""

ZERO = Decimal(0)

_add, _fma = EXACT.add, EXACT.fma


class Mark(NamedTuple):
    """A reading within its series. Marks compare by time, then id: the order of a series."""

    micros: int
    id: str
    value: Decimal


_NONE = Mark(0, "", ZERO)


class Cell:
    """The readings of one series within one hour, summed up.

    `count`, `total`, `least` and `greatest` are over the values; `first` and `last` are the ends
    by (time, id); `area` is value x microseconds from the first reading to the last. An empty
    cell (count 0) answers nothing else.
    """

    __slots__ = ("area", "count", "first", "greatest", "last", "least", "total")

    def __init__(  # noqa: PLR0917  # the store makes cells from rows, by position
        self,
        count: int = 0,
        total: Decimal = ZERO,
        least: Decimal = ZERO,
        greatest: Decimal = ZERO,
        first: Mark = _NONE,
        last: Mark = _NONE,
        area: Decimal = ZERO,
    ) -> None:
        self.count = count
        self.total = total
        self.least = least
        self.greatest = greatest
        self.first = first
        self.last = last
        self.area = area

    @classmethod
    def of(cls, readings: Iterable[Reading]) -> "Cell":
        """The cell of these readings of one series, in any order."""
        marks: list[tuple[int, str, Decimal]] = []
        for _, micros, key, value in readings:
            assert isinstance(value, Decimal), "a cell is made of numbers"
            marks.append((micros, key, value))
        if not marks:
            return cls()
        marks.sort()
        values = [value for _, _, value in marks]
        total, area = ZERO, ZERO
        at, _, held = marks[0]
        for micros, _, value in marks:
            total = _add(total, value)
            if micros != at:
                area = _fma(held, micros - at, area)
                at = micros
            held = value
        first, last = Mark(*marks[0]), Mark(*marks[-1])
        return cls(len(marks), total, min(values), max(values), first, last, area)

    def add(self, reading: Reading) -> bool:
        """Take in one reading of the series; False: the area has to be counted again."""
        _, micros, key, value = reading
        assert value.__class__ is Decimal, "a cell is made of numbers"
        return self.put(micros, key, value)

    def put(self, micros: int, key: str, value: Decimal) -> bool:
        """What `add` does, with the reading's parts.

        A reading after the last or before the first keeps the area; one in between is in every
        other field, but the area no longer holds: the answer is False.
        """
        if not self.count:
            self.count = 1
            self.total = self.least = self.greatest = value
            self.first = self.last = Mark(micros, key, value)
            return True
        self.count += 1
        self.total = _add(self.total, value)
        if value < self.least:
            self.least = value
        elif value > self.greatest:
            self.greatest = value
        last = self.last
        if micros > last[0] or (micros == last[0] and key > last[1]):
            self.area = _fma(last[2], micros - last[0], self.area)
            self.last = Mark(micros, key, value)
            return True
        first = self.first
        if micros < first[0] or (micros == first[0] and key < first[1]):
            self.area = _fma(value, first[0] - micros, self.area)
            self.first = Mark(micros, key, value)
            return True
        return False

    def absorb(self, other: "Cell") -> bool:
        """Take in another cell's readings; False: the area has to be counted again.

        The area holds where one cell lies wholly after the other.
        """
        if not other.count:
            return True
        if not self.count:
            for name in self.__slots__:
                setattr(self, name, getattr(other, name))
            return True
        self.count += other.count
        self.total = _add(self.total, other.total)
        self.least = min(self.least, other.least)
        self.greatest = max(self.greatest, other.greatest)
        mine, theirs = (self.first, self.last), (other.first, other.last)
        early, late = (mine, theirs) if mine[0][:2] < theirs[0][:2] else (theirs, mine)
        gap = _fma(early[1].value, late[0].micros - early[1].micros, other.area)
        self.area = _add(self.area, gap)
        self.first = early[0]
        self.last = max(mine[1], theirs[1])
        return early[1][:2] < late[0][:2]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cell):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]  # a cell changes

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"Cell({fields})"


def hour_of(micros: int) -> int:
    """The whole hours since 1970 at this instant: the number of its cell."""
    return micros // HOUR


def whole_hours(start: int, end: int) -> tuple[int, int]:
    """The hours, half-open, that lie wholly within [start, end), given in microseconds.

    Where there is none, both numbers are the same.
    """
    first = -(-start // HOUR)
    return first, max(first, end // HOUR)

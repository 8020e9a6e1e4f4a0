"""How many are there at each instant, and for how long, all together?

Windows of many, laid over each other once, answer that for any part of the time by a look at its
two ends. All is in whole numbers: how many, and microseconds.
"""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

from tallygate.metering.windows import Window


class Steps:
    """How many there are from each instant on.

    >>> two_for_a_while = Steps([(1, 0, 10), (1, 4, 6)])
    >>> two_for_a_while.counts((2, 12))
    [(1, 2, 4), (2, 4, 6), (1, 6, 10), (0, 10, 12)]
    >>> two_for_a_while.area((2, 12))
    10
    """

    def __init__(self, found: Iterable[tuple[int, int, int]]) -> None:
        """What is found is how many were there, and from when until when."""
        changes: dict[int, int] = {}
        get = changes.get
        for how_many, start, end in found:
            changes[start] = get(start, 0) + how_many
            changes[end] = get(end, 0) - how_many
        self._instants = sorted(instant for instant, change in changes.items() if change)
        self._numbers = list(accumulate(changes[instant] for instant in self._instants))
        lengths = (b - a for a, b in zip(self._instants, self._instants[1:], strict=False))
        areas = (number * length for number, length in zip(self._numbers, lengths, strict=False))
        self._areas = list(accumulate(areas, initial=0))

    def counts(self, part: Window) -> list[tuple[int, int, int]]:
        """How many there are, from when until when, in a part of the time; without gaps."""
        start, last = part
        if start >= last:
            return []
        place = bisect_right(self._instants, start)
        number = self._numbers[place - 1] if place else 0
        found = []
        while place < len(self._instants) and (instant := self._instants[place]) < last:
            found.append((number, start, instant))
            number, start = self._numbers[place], instant
            place += 1
        found.append((number, start, last))
        return found

    def area(self, part: Window) -> int:
        """How many times how long, in a part of the time, which does not end before it starts."""
        start, end = part
        return self._area_until(end) - self._area_until(start)

    def _area_until(self, instant: int) -> int:
        place = bisect_right(self._instants, instant) - 1
        if place < 0:
            return 0
        return self._areas[place] + self._numbers[place] * (instant - self._instants[place])

"""What does metering ask of whoever keeps the events?

Seven questions, each with its scope: a meter, subjects, a window. The store answers them from its
tables; a test answers them from a list. Whoever answers must agree with the fold (`fold.py`) on
every number: the contract suite asks all of them.

Windows are half-open. Answers hold only readings of this meter as its reader gives them
(`read.py`); a log answers for the subjects as they stand on the readings, and knows no payer.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from tallygate.catalog.model import Meter
from tallygate.core.period import Period
from tallygate.metering.cell import Cell
from tallygate.metering.reading import Reading
from tallygate.metering.states import Lived
from tallygate.metering.windows import Absence, Windows


class UsageLog(Protocol):
    """Answers about accepted events and about the life of resources."""

    def cells(
        self, meter: Meter, subjects: Sequence[str], first_hour: int, last_hour: int
    ) -> Iterable[tuple[tuple[str, ...], int, Cell]]:
        """The cells (series, hour, cell) of the hours [first_hour, last_hour) since 1970.

        Those of a series come in the order of their hours; hours without readings are left out.
        Never asked for a `unique` meter. A time_weighted meter's areas must hold.
        """
        ...

    def amounts(
        self, meter: Meter, subjects: Sequence[str], first_hour: int, last_hour: int
    ) -> Iterable[tuple[str, int, Decimal]]:
        """What the readings of a `count` or `sum` meter come to: (subject, hour, amount).

        Of the hours [first_hour, last_hour) since 1970, in any order; hours without readings are
        left out, and each series of a subject has an amount of its own.
        """
        ...

    def readings(self, meter: Meter, subjects: Sequence[str], window: Period) -> Iterable[Reading]:
        """The readings whose time lies in the window; those of a series by (time, id)."""
        ...

    def last_before(self, meter: Meter, subjects: Sequence[str], micros: int) -> Iterable[Reading]:
        """The latest reading, by (time, id), of each series strictly before an instant."""
        ...

    def distinct(self, meter: Meter, windows: Windows) -> int:
        """How many different values a `unique` meter has in all windows together.

        `windows` gives each subject's, half-open and in microseconds since 1970; usually all are
        the same one. A value counts once, whichever subjects, series and windows it occurs in.
        """
        ...

    def states(self, subjects: Sequence[str], window: Period) -> Iterable[Lived]:
        """The states, overlapping the window, of those subjects that are resources.

        Those of a resource come in the order of time, whole (not cut to the window).
        """
        ...

    def absences(self, subjects: Sequence[str]) -> Mapping[str, Sequence[Absence]]:
        """When those of the subjects that are resources were deleted: until their next creation.

        In order and in microseconds; None: for good. The time before a first creation is none.
        """
        ...

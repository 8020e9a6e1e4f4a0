"""Which stretch of time is billed, and where does the next one begin?

Periods are half-open and in UTC. A boundary is always counted from the anchor, never from the
boundary before it: an anchor on the 31st bills the last day of shorter months and returns to the
31st.
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import lru_cache

from tallygate.core.errors import Invalid

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """The instants from `start` up to, and without, `end`."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        assert self.start.tzinfo is not None, "instants are aware"
        assert self.start <= self.end, "a period does not run backwards"

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def __str__(self) -> str:
        return f"{instant_text(self.start)} to {instant_text(self.end)}"

    @property
    def microseconds(self) -> int:
        """The length, as an integer."""
        return (self.end - self.start) // MICROSECOND

    def overlap(self, other: "Period") -> "Period | None":
        """The part that both have, or nothing."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Period(start, end) if start < end else None

    def share_of(self, whole: "Period") -> Fraction:
        """This length in proportion to another's."""
        return Fraction(self.microseconds, whole.microseconds)


def parse_instant(text: str) -> datetime:
    """Read an RFC 3339 instant and give it in UTC.

    Raises:
        Invalid: the text is no instant, or has no time zone.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text[:40]!r} is not a time like 2026-11-21T09:00:00Z.") from None
    if instant.tzinfo is None:
        raise Invalid(f"{text!r} has no time zone: write 2026-11-21T09:00:00Z.")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise Invalid(f"{text!r} lies outside the calendar.") from None


def instant_text(instant: datetime) -> str:
    """An instant as RFC 3339 in UTC, without a fraction where there is none."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (instant - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """The instant that lies so many microseconds after 1970."""
    return EPOCH + timedelta(microseconds=micros)


def add_months(anchor: datetime, months: int) -> datetime:
    """The anchor moved by whole months, on the last day where the month is too short.

    >>> add_months(datetime(2026, 1, 31, tzinfo=UTC), 1).date().isoformat()
    '2026-02-28'
    >>> add_months(datetime(2026, 1, 31, tzinfo=UTC), 2).date().isoformat()
    '2026-03-31'
    """
    return _moved(anchor, months)


@lru_cache(maxsize=4096)
def _moved(anchor: datetime, months: int) -> datetime:
    """The same; of one account the same few boundaries are asked for again and again."""
    year, month0 = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    last_day = calendar.monthrange(year, month0 + 1)[1]
    return anchor.replace(year=year, month=month0 + 1, day=min(anchor.day, last_day))


def months_since(anchor: datetime, at: datetime) -> int:
    """How many whole months from the anchor lie at or before `at`: the k of its period."""
    months = (at.year - anchor.year) * 12 + at.month - anchor.month
    return months if add_months(anchor, months) <= at else months - 1


def period_at(anchor: datetime, at: datetime, months: int = 1) -> Period:
    """The period of so many months, counted from the anchor, in which `at` lies."""
    first = months_since(anchor, at) // months * months
    return Period(add_months(anchor, first), add_months(anchor, first + months))


def periods_from(anchor: datetime, since: datetime, months: int = 1) -> Iterator[Period]:
    """The periods of the anchor, from the one that holds `since`, without end."""
    first = months_since(anchor, since) // months * months
    while True:
        yield Period(add_months(anchor, first), add_months(anchor, first + months))
        first += months

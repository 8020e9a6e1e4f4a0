"""Which organization was a project part of, and when?

A project is made in an organization and may move to another one, and on. At the very instant of a
move it is the new one's. What is in the project goes where the project goes; a resource that came
after a move never was the former organization's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from tallygate.accounts.model import Home
from tallygate.core.period import Period

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)


def home_at(homes: Sequence[Home], at: datetime) -> str:
    """The organization of a project at an instant, given all its homes (at least one)."""
    return home_of(homes, at).organization


def home_of(homes: Sequence[Home], at: datetime) -> Home:
    """The home of a project at an instant, given all its homes (at least one)."""
    return next(home for home in homes if at in span(home))


def moved(
    homes: Sequence[Home], project: str, former: str, organization: str, at: datetime
) -> tuple[Home, ...]:
    """All homes of a project once it leaves `former` for an organization, at an instant.

    `homes` are those that it had so far, in order: none where it never moved.
    """
    before = homes or (Home(project, former, None, None),)
    last = before[-1]
    assert last.organization == former, "a project moves from where it is"
    assert last.since is None or last.since < at, "moves follow each other"
    left = replace(last, until=at)
    return (*before[:-1], left, Home(project, organization, at, None))


def homes_from(homes: Iterable[Home], born: datetime) -> tuple[Home, ...]:
    """The homes of a resource that came into being at an instant, given those of its project.

    The one that it came in counts since ever: whatever is said of the time before it came is said
    to whoever had it first. Each home is looked at for itself, so those of one organization give
    what that one had.
    """
    return tuple(
        replace(home, since=None) if home.since is not None and home.since <= born else home
        for home in homes
        if home.until is None or born < home.until
    )


def within_homes(windows: Iterable[Period], homes: Sequence[Home]) -> tuple[Period, ...]:
    """The parts of some windows that lie within an organization's homes of a project."""
    parts = (window.overlap(span(home)) for window in windows for home in homes)
    return tuple(sorted(part for part in parts if part is not None))


def span(home: Home) -> Period:
    """The time of a home; an open end reaches as far as a calendar does."""
    return Period(home.since or _EARLIEST, home.until or _LATEST)

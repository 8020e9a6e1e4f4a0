"""When did this payer have which subject, within the period?

Stretches come as accounts tells them: a subject and a window, several for a subject where the
payer changed to and fro. Here they are cut to the period, joined where they touch, and carried in
microseconds since 1970, half-open.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise

from tallygate.accounts.payers import Stretch
from tallygate.core.period import Period, from_micros, to_micros

Window = tuple[int, int]
Windows = Mapping[str, tuple[Window, ...]]
"""By subject, its windows: in order, apart from each other, none empty."""

Absence = tuple[int, int | None]
"""From a resource's deletion until its next creation; None: for good."""

FOREVER = 1 << 62
"""Later than any instant, in microseconds."""


def windows_of(stretches: Sequence[Stretch], period: Period) -> dict[str, tuple[Window, ...]]:
    """The windows of each subject within the period; subjects without one are left out."""
    found: dict[str, tuple[Period, ...]] = {}
    for stretch in stretches:
        found[stretch.subject] = (*found.get(stretch.subject, ()), stretch.window)
    return cut_to(found, period)


def cut_to(
    paid: Mapping[str, tuple[Period, ...]], period: Period
) -> dict[str, tuple[Window, ...]]:
    """The same, where the windows of each subject are together already."""
    # Thousands of subjects share their windows: those are cut once.
    cut: dict[int, tuple[Window, ...]] = {}
    found: dict[str, tuple[Window, ...]] = {}
    for subject, windows in paid.items():
        spans = cut.get(id(windows))
        if spans is None:
            parts = (window.overlap(period) for window in windows)
            spans = joined(span_of(part) for part in parts if part is not None)
            cut[id(windows)] = spans
        if spans:
            found[subject] = spans
    return found


def present(
    windows: Windows, absences: Mapping[str, Sequence[Absence]]
) -> dict[str, tuple[Window, ...]]:
    """The windows without the time in which their subject was deleted."""
    cut: dict[str, tuple[Window, ...]] = {}
    for subject, spans in windows.items():
        kept = list(spans)
        for deleted, created in absences.get(subject, ()):
            end = FOREVER if created is None else created
            parts = [((s, min(e, deleted)), (max(s, end), e)) for s, e in kept]
            kept = [part for pair in parts for part in pair if part[0] < part[1]]
        if kept:
            cut[subject] = tuple(kept)
    return cut


def absences_of(lives: Iterable[tuple[str, int, int | None]]) -> dict[str, tuple[Absence, ...]]:
    """The absences of resources, from all their states: (resource, since, until), in any order.

    `until` may be None, or FOREVER, where the state still holds.
    """
    states: dict[str, list[tuple[int, int]]] = {}
    for resource, since, until in lives:
        end = FOREVER if until is None else until
        states.setdefault(resource, []).append((since, end))
    found: dict[str, tuple[Absence, ...]] = {}
    for resource, spans in states.items():
        lived = joined(spans)
        gone: list[Absence] = [(end, start) for (_, end), (start, _) in pairwise(lived)]
        if lived[-1][1] < FOREVER:
            gone.append((lived[-1][1], None))
        if gone:
            found[resource] = tuple(gone)
    return found


def ended_between(absences: Sequence[Absence], micros: int, start: int) -> bool:
    """Whether what was read at `micros` ended, by a deletion, before the window's start."""
    return any(micros < deleted <= start for deleted, created in absences if created != deleted)


def within(windows: Windows, span: Window) -> dict[str, tuple[Window, ...]]:
    """The parts of the windows that lie in `span`; subjects without one are left out."""
    low, high = span
    cut: dict[tuple[Window, ...], tuple[Window, ...]] = {}
    for spans in set(windows.values()):
        parts = ((max(start, low), min(end, high)) for start, end in spans)
        cut[spans] = tuple(part for part in parts if part[0] < part[1])
    return {subject: cut[spans] for subject, spans in windows.items() if cut[spans]}


def alike(windows: Windows) -> dict[tuple[Window, ...], list[str]]:
    """The subjects that have the same windows, together: usually one group with the period."""
    groups: dict[tuple[Window, ...], list[str]] = {}
    for subject, spans in windows.items():
        groups.setdefault(spans, []).append(subject)
    return groups


def share_of(spans: Sequence[Window], period: Period) -> Fraction:
    """The part of the period that the windows cover."""
    if not period.microseconds:
        return Fraction(0)
    return Fraction(sum(end - start for start, end in spans), period.microseconds)


def span_of(period: Period) -> Window:
    """A period in microseconds."""
    return to_micros(period.start), to_micros(period.end)


def period_of(start: int, end: int) -> Period:
    """Microseconds as a period."""
    return Period(from_micros(start), from_micros(end))


def overlap(a: Window, b: Window) -> int:
    """How many microseconds two windows share."""
    return max(0, min(a[1], b[1]) - max(a[0], b[0]))


def joined(windows: Iterable[Window]) -> tuple[Window, ...]:
    """Windows of one subject in order, those that touch or overlap as one."""
    found: list[Window] = []
    for start, end in sorted(windows):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)

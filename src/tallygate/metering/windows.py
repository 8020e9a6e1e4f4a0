"""When did this payer have which subject, within the period?

Stretches come as accounts tells them: a subject and a window, several for a subject where the
payer changed to and fro. Here they are cut to the period, joined where they touch, and carried in
microseconds since 1970, half-open.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from tallygate.core.period import Period, from_micros, to_micros

if TYPE_CHECKING:
    from tallygate.accounts.payers import Stretch

Window = tuple[int, int]
Windows = Mapping[str, tuple[Window, ...]]
"""By subject, its windows: in order, apart from each other, none empty."""


def windows_of(stretches: "Sequence[Stretch]", period: Period) -> dict[str, tuple[Window, ...]]:
    """The windows of each subject within the period; subjects without one are left out."""
    found: dict[str, list[Window]] = {}
    for stretch in stretches:
        part = stretch.window.overlap(period)
        if part is not None:
            found.setdefault(stretch.subject, []).append(span_of(part))
    return {subject: _joined(windows) for subject, windows in found.items()}


def ended(windows: Windows, ends: Mapping[str, int]) -> dict[str, tuple[Window, ...]]:
    """The windows, each cut at its subject's end where it has one."""
    cut: dict[str, tuple[Window, ...]] = {}
    for subject, spans in windows.items():
        end = ends.get(subject)
        kept = (
            spans
            if end is None
            else tuple((start, min(stop, end)) for start, stop in spans if start < end)
        )
        if kept:
            cut[subject] = kept
    return cut


def within(windows: Windows, span: Window) -> dict[str, tuple[Window, ...]]:
    """The parts of the windows that lie in `span`; subjects without one are left out."""
    cut: dict[str, tuple[Window, ...]] = {}
    for subject, spans in windows.items():
        kept = tuple(
            (max(start, span[0]), min(end, span[1]))
            for start, end in spans
            if overlap((start, end), span)
        )
        if kept:
            cut[subject] = kept
    return cut


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


def _joined(windows: list[Window]) -> tuple[Window, ...]:
    joined: list[Window] = []
    for start, end in sorted(windows):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)

"""Which part of an invoice does each project, resource, price and day cost?

A line's net amount is a sum of spreads: amounts that subjects bear in proportion to weights. Exact
shares become whole minor units by the largest remainder, from the outside in: the line is allotted
to projects, what a project got to its resources, and what each of those got to days. So the parts
of a line sum to the line, those of a project's resources to the project, and no part of a line is
a whole minor unit away from its exact share. Each part says what it would be exactly, so that a
reader sees which way it was rounded.

What weighs how much is decided in `spreading`; nothing here knows a price or a meter.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from typing import Literal, NamedTuple, TypeVar

from tallygate.core.period import Period
from tallygate.metering.daily import DAY
from tallygate.metering.windows import span_of
from tallygate.rating.line import Line

Dimension = Literal["project", "resource", "meter", "day"]
Weight = int | Fraction
Days = Mapping[int, Weight]
"""Weights of UTC days, by days since 1970."""

BASE_PLAN, MEMBERS, ACCOUNT = "base_plan", "members", "account"
"""Who bears what no project does: flats and minimum charges; seats; the account's own usage."""

_T = TypeVar("_T", str, int)

OWN = (BASE_PLAN, MEMBERS, ACCOUNT)
_FIRST: Mapping[str | None, int] = {name: place for place, name in enumerate(OWN)}
EVERYBODY = ""
"""The one subject of a breakdown that tells no subjects apart."""


class Spread(NamedTuple):
    """An amount in minor units, before rounding, which subjects bear in proportion to weights.

    A weight may be below zero, their sum is above it. `days` weighs the days of each subject (or
    of what subjects are gathered to, see `Sorting.grouping`); one that is left out bears its part
    by the seconds of each day in `period`, and so does one whose days sum to nothing.
    """

    amount: Fraction
    weights: Mapping[str, Weight]
    period: Period
    days: Mapping[str, Days]


class Charged(NamedTuple):
    """A line, and the spreads that its net amount is the sum of."""

    line: Line
    spreads: tuple[Spread, ...]


@dataclass(frozen=True, slots=True)
class Sorting:
    """What is told apart: one dimension, or two; and, where it is wanted, one project or resource.

    `project_of` says in which project a subject is: a project is in itself, as is what is none.
    """

    by: tuple[Dimension, ...]
    project_of: Mapping[str, str]
    project: str | None = None
    resource: str | None = None

    @property
    def has_resources(self) -> bool:
        """Whether single resources are told apart."""
        return "resource" in self.by or self.resource is not None

    @property
    def has_subjects(self) -> bool:
        """Whether projects or resources are told apart at all."""
        return self.has_resources or "project" in self.by or self.project is not None

    @property
    def has_days(self) -> bool:
        """Whether days are told apart."""
        return "day" in self.by

    def grouping(self) -> Callable[[str], str]:
        """From a subject to itself, its project, or everybody: the finest that is told apart."""
        if self.has_resources:
            return _itself
        if not self.has_subjects:
            return _everybody
        project_of = self.project_of
        return lambda subject: project_of.get(subject, subject)

    def wants(self, group: str) -> bool:
        """Whether a group is of the one project or resource that is asked about."""
        if self.resource is not None and group != self.resource:
            return False
        return self.project is None or self.project_of.get(group, group) == self.project


@dataclass(slots=True)
class Part:
    """What one project, resource, price or day, or a pair of these, costs, in minor units.

    What is not told apart is None. `project` and `resource` may be one of `OWN`; a resource is its
    project's id where usage was sent for the project itself. `shares` are the exact shares, one a
    line, as numerator and denominator.
    """

    project: str | None
    resource: str | None
    price: str | None
    day: int | None
    meter: str | None = None
    amount: int = 0
    shares: list[tuple[int, int]] = field(default_factory=list)

    @property
    def order(self) -> tuple[tuple[int, str], tuple[int, str], str, int]:
        """What parts are sorted by."""
        return _order((self.project, self.resource, self.price, self.day))

    @property
    def exact(self) -> Fraction:
        """What the part would be if there were no smallest coin, in minor units."""
        return sum((Fraction(*share) for share in self.shares), Fraction(0))

    @property
    def rounding(self) -> Fraction:
        """What the part has more than that; below zero: less. In all parts they sum to zero."""
        return self.amount - self.exact


_Key = tuple[str | None, str | None, str | None, int | None]


_Share = tuple[str, int | None, int, tuple[int, int]]
"""A group, the day, the whole amount and the exact share, as numerator and denominator."""


def break_down(charged: Iterable[Charged], sorting: Sorting) -> tuple[Part, ...]:
    """The parts of some lines, sorted by their keys; they sum to the lines' net amounts.

    Lines of 0 have a part where prices alone are told apart, and none else. Where one project or
    resource is asked about, its parts are those that it has among all.
    """
    found: dict[_Key, Part] = {}
    places = [(name in sorting.by) for name in ("project", "resource", "meter", "day")]
    for one in charged:
        price = one.line.price if places[2] else None
        if not one.line.net:
            if sorting.by == ("meter",) and sorting.wants(EVERYBODY):
                _part(found, (None, None, price, None), one.line)
            continue
        for group, day, amount, share in _of_line(one, sorting):
            project = sorting.project_of.get(group, group) if places[0] else None
            key = (project, group if places[1] else None, price, day)
            part = _part(found, key, one.line)
            part.amount += amount
            part.shares.append(share)
    return tuple(found[key] for key in sorted(found, key=_order))


def _part(found: dict[_Key, Part], key: _Key, line: Line) -> Part:
    part = found.get(key)
    if part is None:
        meter = line.meter if key[2] is not None else None
        part = found[key] = Part(*key, meter=meter)
    return part


def _of_line(one: Charged, sorting: Sorting) -> list[_Share]:
    """The parts of one line: the group, the day, the amount and the exact share."""
    net = one.line.net
    sign = -1 if net < 0 else 1
    gathered, over = _gathered(one.spreads, sorting.grouping())
    sums: dict[str, int] = {}
    for weights, _, times in gathered:
        for name, weight in weights.items():
            if weight:
                sums[name] = sums.get(name, 0) + sign * times * weight
    numerators = {name: sums[name] for name in sorted(sums)}
    assert sum(sums.values()) == sign * net * over, "the spreads sum to the line"
    amounts = _allotted(sign * net, numerators, over, sorting)
    found: list[_Share] = []
    for group, amount in amounts.items():
        if not sorting.wants(group):
            continue
        if not sorting.has_days:
            if numerators[group]:  # what is made up for in full bears nothing
                found.append((group, None, sign * amount, (sign * numerators[group], over)))
            continue
        made_of = [
            (spread, weights[group], total)
            for spread, (weights, total, _) in zip(one.spreads, gathered, strict=True)
            if weights.get(group)
        ]
        days, parts_of = _by_day(group, made_of)
        in_days = {day: sign * days[day] for day in sorted(days) if days[day]}
        found += [
            (group, day, sign * part, (sign * in_days[day], parts_of))
            for day, part in _met(amount, in_days, parts_of).items()
        ]
    return found


def _allotted(
    total: int, numerators: Mapping[str, int], over: int, sorting: Sorting
) -> dict[str, int]:
    """What each group gets: first each project, then what is in it."""
    if not sorting.has_resources:
        return _met(total, numerators, over)
    inside: dict[str, dict[str, int]] = {}
    for group, numerator in numerators.items():
        inside.setdefault(sorting.project_of.get(group, group), {})[group] = numerator
    projects = {project: sum(groups.values()) for project, groups in sorted(inside.items())}
    found: dict[str, int] = {}
    for project, amount in _met(total, projects, over).items():
        found.update(_met(amount, inside[project], over))
    return found


def _met(total: int, numerators: Mapping[_T, int], over: int) -> dict[_T, int]:
    """Whole numbers that sum to `total`, each the exact share rounded down, or up.

    Those with the largest remainders are rounded up; of equal ones, those that come first. The
    shares sum to the total, or to less than 1 from it where the total was rounded before.
    """
    found = {key: numerator // over for key, numerator in numerators.items()}
    left = total - sum(found.values())
    if left:
        assert 0 <= left <= len(found), "a share is never a whole unit away from its part"
        remainders = {key: numerator % over for key, numerator in numerators.items()}
        for key in sorted(remainders, key=remainders.__getitem__, reverse=True)[:left]:
            found[key] += 1
    return found


def _gathered(
    spreads: Sequence[Spread], group: Callable[[str], str]
) -> tuple[list[tuple[dict[str, int], int, int]], int]:
    """Each spread's weights by group, their sum, and what a weight is times; and over what."""
    whole = [_integers(spread, group) for spread in spreads]
    factors = [spread.amount / total for spread, (_, total) in zip(spreads, whole, strict=True)]
    over = lcm(*(factor.denominator for factor in factors))
    found = [
        (weights, total, factor.numerator * (over // factor.denominator))
        for (weights, total), factor in zip(whole, factors, strict=True)
    ]
    return found, over


def _integers(spread: Spread, group: Callable[[str], str]) -> tuple[dict[str, int], int]:
    """A spread's weights by group, as whole numbers, and their sum."""
    unit = lcm(*{one.denominator for one in spread.weights.values() if type(one) is not int})
    found: dict[str, int] = {}
    get = found.get
    for subject, weight in spread.weights.items():
        name = group(subject)
        if type(weight) is int:
            whole = weight * unit
        else:
            whole = weight.numerator * (unit // weight.denominator)
        found[name] = get(name, 0) + whole
    total = sum(found.values())
    assert total > 0, "an amount is spread over something"
    return found, total


def _by_day(group: str, made_of: Sequence[tuple[Spread, int, int]]) -> tuple[dict[int, int], int]:
    """A group's exact share by day, over one denominator."""
    pieces: list[tuple[Fraction, Days]] = []
    for spread, weight, total in made_of:
        days: Days = spread.days.get(group, {})
        if sum(days.values()) <= 0:
            days = seconds_by_day(spread.period)
        share = spread.amount * weight / total / Fraction(sum(days.values()))
        pieces.append((share, days))
    units = [lcm(*{weight.denominator for weight in days.values()}) for _, days in pieces]
    over = lcm(*(one.denominator * unit for (one, _), unit in zip(pieces, units, strict=True)))
    found: dict[int, int] = {}
    for one, days in pieces:
        times = one.numerator * (over // one.denominator)
        for day, of_day in days.items():
            if of_day:
                part = times * of_day.numerator // of_day.denominator
                found[day] = found.get(day, 0) + part
    return found, over


def _itself(subject: str) -> str:
    return subject


def _everybody(_subject: str) -> str:
    return EVERYBODY


def seconds_by_day(period: Period) -> dict[int, int]:
    """How long a period is on each UTC day, in microseconds; its one day where it has no length.

    >>> from datetime import UTC, datetime
    >>> half = Period(datetime(1970, 1, 1, 12, tzinfo=UTC), datetime(1970, 1, 3, tzinfo=UTC))
    >>> {day: micros // 3_600_000_000 for day, micros in seconds_by_day(half).items()}
    {0: 12, 1: 24}
    """
    return microseconds_by_day(*span_of(period))


def microseconds_by_day(start: int, end: int) -> dict[int, int]:
    """The same, of a window in microseconds since 1970."""
    if start >= end:
        return {start // DAY: 1}
    days = range(start // DAY, -(-end // DAY))
    return {day: min(end, (day + 1) * DAY) - max(start, day * DAY) for day in days}


def _order(key: _Key) -> tuple[tuple[int, str], tuple[int, str], str, int]:
    """What belongs to no project comes first, in the order of `OWN`; prices by key, then days."""
    project, resource, price, day = key
    return _place(project), _place(resource), price or "", day or 0


def _place(name: str | None) -> tuple[int, str]:
    return _FIRST.get(name, len(OWN)), name or ""

"""Which part of an invoice does each project, resource, price and day cost?

A line's net amount is a sum of spreads: amounts that subjects bear in proportion to weights. Exact
shares become whole minor units by the largest remainder, from the outside in: the line is allotted
to projects, what a project got to its resources, and what each of those got to days. So the parts
of a line sum to the line, those of a project's resources to the project, and no part of a line is
a whole minor unit away from its exact share. Each part says what it would be exactly, so that a
reader sees which way it was rounded.

What weighs how much is decided in `spreading`; nothing here knows a price or a meter.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd, lcm
from operator import attrgetter
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
_W = TypeVar("_W", int, Weight)

OWN = (BASE_PLAN, MEMBERS, ACCOUNT)
_FIRST: Mapping[str | None, int] = {name: place for place, name in enumerate(OWN)}
_FROM_LAST: tuple[tuple[Dimension, str], ...] = (
    *(("day", "day"), ("meter", "price")),
    *(("resource", "resource"), ("project", "project")),
)
"""What parts are sorted by, the last first, and where it stands."""
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

    def gather(self, weights: Mapping[str, _W]) -> Mapping[str, _W]:
        """The weights of subjects as those of the groups that are told apart."""
        if self.has_resources:
            return weights
        if not self.has_subjects:
            return {EVERYBODY: sum(weights.values())}
        found: dict[str, _W] = {}
        get = found.get
        for name, weight in zip(
            map(self.project_of.get, weights, weights), weights.values(), strict=True
        ):
            found[name] = get(name, 0) + weight
        return found

    @property
    def is_narrowed(self) -> bool:
        """Whether one project or resource is asked about."""
        return self.project is not None or self.resource is not None

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


_Gathered = tuple[Mapping[str, int], int, int]
"""A spread's weights by group, their sum, and what a weight is times."""


def break_down(charged: Iterable[Charged], sorting: Sorting) -> tuple[Part, ...]:
    """The parts of some lines, sorted by their keys; they sum to the lines' net amounts.

    Lines of 0 have a part where prices alone are told apart, and none else. Where one project or
    resource is asked about, its parts are those that it has among all.
    """
    found: dict[str | None, dict[tuple[str, int | None], Part]] = {}
    by_project, by_resource = "project" in sorting.by, "resource" in sorting.by
    for one in charged:
        price, meter = None, None
        if "meter" in sorting.by:
            price, meter = one.line.price, one.line.meter
        parts = found.setdefault(price, {})
        for group, day, amount, share in _of_line(one, sorting):
            part = parts.get((group, day))
            if part is None:
                project = sorting.project_of.get(group, group) if by_project else None
                part = Part(project, group if by_resource else None, price, day, meter)
                parts[group, day] = part
            part.amount += amount
            part.shares.append(share)
    return _in_order((part for parts in found.values() for part in parts.values()), sorting.by)


def _in_order(parts: Iterable[Part], by: tuple[Dimension, ...]) -> tuple[Part, ...]:
    """Parts by project, resource, price and day: the same as by `Part.order`, but sooner."""
    found = list(parts)
    for name, attribute in _FROM_LAST:
        if name in by:
            found.sort(key=attrgetter(attribute))
            if name in {"project", "resource"}:
                found.sort(key=lambda part: _FIRST.get(getattr(part, attribute), len(OWN)))
    return tuple(found)


def _of_line(one: Charged, sorting: Sorting) -> Iterator[_Share]:
    """The parts of one line: the group, the day, the amount and the exact share."""
    net = one.line.net
    if not net:
        if sorting.by == ("meter",) and sorting.wants(EVERYBODY):
            yield EVERYBODY, None, 0, (0, 1)
        return
    sign = -1 if net < 0 else 1
    gathered, over = _gathered(one.spreads, sorting)
    numerators = _summed(gathered, sign)
    assert sum(numerators.values()) == sign * net * over, "the spreads sum to the line"
    amounts = _allotted(sign * net, numerators, over, sorting)
    wanted = filter(sorting.wants, amounts) if sorting.is_narrowed else amounts
    if sorting.has_days:
        chosen = {group: amounts[group] for group in wanted}
        for group, day, part, (on_day, parts_of) in _on_days(one.spreads, gathered, chosen, sign):
            yield group, day, sign * part, (sign * on_day, parts_of)
        return
    shares = {numerator: (sign * numerator, over) for numerator in set(numerators.values())}
    for group in wanted:
        numerator = numerators[group]
        if numerator:  # what is made up for in full bears nothing
            yield group, None, sign * amounts[group], shares[numerator]


def _summed(gathered: Sequence[_Gathered], sign: int) -> dict[str, int]:
    """The numerator of each group's exact share, in the order of names."""
    sums: dict[str, int] = {}
    for weights, _, times in gathered:
        signed = sign * times
        if not sums:
            sums = {name: signed * weight for name, weight in weights.items() if weight}
            continue
        for name, weight in weights.items():
            if weight:
                sums[name] = sums.get(name, 0) + signed * weight
    return {name: sums[name] for name in sorted(sums)}


def _on_days(
    spreads: Sequence[Spread], gathered: Sequence[_Gathered], shares: Mapping[str, int], sign: int
) -> Iterator[tuple[str, int, int, tuple[int, int]]]:
    """What groups got, by day: the group, the day, the amount and the exact share, unsigned."""
    otherwise = [seconds_by_day(spread.period) for spread in spreads]
    for group, amount in shares.items():
        made_of = [
            (spread.amount * weights[group] / total, spread.days.get(group, {}), other)
            for spread, (weights, total, _), other in zip(
                spreads, gathered, otherwise, strict=True
            )
            if weights.get(group)
        ]
        days, over = _by_day(made_of)
        in_days = {day: sign * days[day] for day in sorted(days) if days[day]}
        for day, part in _met(amount, in_days, over).items():
            yield group, day, part, (in_days[day], over)


def _allotted(
    total: int, numerators: Mapping[str, int], over: int, sorting: Sorting
) -> dict[str, int]:
    """What each group gets: first each project, then what is in it."""
    if not sorting.has_resources:
        return _met(total, numerators, over)
    inside: dict[str, dict[str, int]] = {}
    projects_of = map(sorting.project_of.get, numerators, numerators)
    for project, (group, numerator) in zip(projects_of, numerators.items(), strict=True):
        its = inside.get(project)
        if its is None:
            its = inside[project] = {}
        its[group] = numerator
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


def _gathered(spreads: Sequence[Spread], sorting: Sorting) -> tuple[list[_Gathered], int]:
    """Each spread's weights by group, their sum, and what a weight is times; and over what."""
    whole = [_integers(spread, sorting) for spread in spreads]
    factors = [spread.amount / total for spread, (_, total) in zip(spreads, whole, strict=True)]
    over = lcm(*(factor.denominator for factor in factors))
    found = [
        (weights, total, factor.numerator * (over // factor.denominator))
        for (weights, total), factor in zip(whole, factors, strict=True)
    ]
    return found, over


def _integers(spread: Spread, sorting: Sorting) -> tuple[Mapping[str, int], int]:
    """A spread's weights by group, as whole numbers, and their sum."""
    found = sorting.gather(_whole(spread.weights))
    total = sum(found.values())
    assert total > 0, "an amount is spread over something"
    return found, total


def _by_day(made_of: Sequence[tuple[Fraction, Days, Days]]) -> tuple[dict[int, int], int]:
    """A group's exact share by day, over one denominator.

    It is made of amounts, each with the weights of its days, and with those that count where they
    sum to nothing.
    """
    pieces: list[tuple[Fraction, Mapping[int, int]]] = []
    for amount, days, otherwise in made_of:
        whole = _whole(days if sum(days.values()) > 0 else otherwise)
        pieces.append((amount / sum(whole.values()), whole))
    over = lcm(*(each.denominator for each, _ in pieces))
    found: dict[int, int] = {}
    for each, in_whole in pieces:
        times = each.numerator * (over // each.denominator)
        for day, of_day in in_whole.items():
            if of_day:
                found[day] = found.get(day, 0) + times * of_day
    return found, over


def _whole(weights: Mapping[_T, Weight]) -> dict[_T, int]:
    """Weights as the smallest whole numbers of the same proportions."""
    # Thousands of subjects weigh the same: each weight is made whole once.
    several = set(weights.values())
    unit = lcm(*(one.denominator for one in several))
    common = gcd(*(one.numerator * (unit // one.denominator) for one in several)) or 1
    whole = {one: one.numerator * (unit // one.denominator) // common for one in several}
    return dict(zip(weights, map(whole.__getitem__, weights.values()), strict=True))


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

"""How much did each subject use, of what an account paid for? By brute force, from what happened.

A quantity is the fold's, which defines a meter, of each subject for itself; who pays is asked of
`accounts`. Days and the heights of levels on them are written down here a second time.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from tests.simulation.breakdown_life import Facts

from tallygate.accounts.life import fold_life
from tallygate.accounts.model import ResourceState
from tallygate.accounts.payers import Resident, Stretch, stretches
from tallygate.catalog.model import Meter
from tallygate.core.period import EPOCH, Period, to_micros
from tallygate.metering.fold import fold
from tallygate.metering.read import compile_reader
from tallygate.metering.reading import Reading
from tallygate.metering.windows import absences_of

DAY = timedelta(days=1)
Quantities = dict[str, Fraction]
ByDay = dict[int, Fraction]


class Used:
    """What one account's subjects used; `known` is the position of the log that is asked about."""

    def __init__(self, facts: Facts, account: str) -> None:
        self.facts = facts
        self.account = account
        # What was asked before, so that a thousand lives do not take the whole day.
        self._known_readings: dict[tuple[str, str, int], list[Reading]] = {}
        self._known_states: dict[tuple[str, int], tuple[ResourceState, ...]] = {}
        self._known_stretches: dict[Period, tuple[Stretch, ...]] = {}

    def quantities(
        self, meter: Meter, part: Period, types: frozenset[str] | None, known: int
    ) -> Quantities:
        """What each subject used, the account's own and its organization's under one name."""
        found: Quantities = {}
        part = self._passed(part)
        for subject, windows in self._paid(meter, part, types, known).items():
            quantity = self._fold(meter, subject, windows, part, known)
            if quantity:
                name = self._named(subject)
                found[name] = found.get(name, Fraction(0)) + quantity
        return {subject: quantity for subject, quantity in found.items() if quantity}

    def daily(
        self, meter: Meter, part: Period, types: frozenset[str] | None, known: int, name: str
    ) -> ByDay:
        """A subject's quantity on each day: of a level the height that it had then."""
        found: ByDay = {}
        part = self._passed(part)
        for subject, windows in self._paid(meter, part, types, known).items():
            if self._named(subject) != name:
                continue
            for day in _days(part):
                today = [w for one in windows if (w := one.overlap(day)) is not None]
                if not today:
                    continue
                if meter.is_level and meter.aggregation != "unique":
                    quantity = self._height(meter, subject, today, day, known)
                else:
                    quantity = self._fold(meter, subject, today, day, known)
                if quantity:
                    number = (day.start - EPOCH).days
                    found[number] = found.get(number, Fraction(0)) + quantity
        return found

    def _passed(self, part: Period) -> Period:
        """Of an open period, what has passed; only what exists is taken to go on to its end."""
        return Period(part.start, max(part.start, min(part.end, self.facts.now)))

    def existed(self, types: frozenset[str] | None, part: Period, known: int) -> Quantities:
        """How long each resource existed while the account paid for it, in microseconds."""
        found: Quantities = {}
        for resource in self.facts.home:
            total = sum(w.microseconds for w in self._lived(resource, types, part, known))
            if total:
                found[resource] = Fraction(total)
        return found

    def existed_daily(
        self, types: frozenset[str] | None, part: Period, known: int, resource: str
    ) -> ByDay:
        found: ByDay = {}
        if resource not in self.facts.home:
            return found
        for day in _days(part):
            total = sum(w.microseconds for w in self._lived(resource, types, day, known))
            if total:
                found[(day.start - EPOCH).days] = Fraction(total)
        return found

    def _fold(
        self, meter: Meter, subject: str, windows: list[Period], part: Period, known: int
    ) -> Fraction:
        """The fold of one subject alone; a correction below zero is its own."""
        paid = [Stretch(subject, window) for window in windows]
        states = self._states(subject, known)
        gone = absences_of(
            (s.resource, to_micros(s.since), None if s.until is None else to_micros(s.until))
            for s in states
        )
        readings = self._readings(meter, subject, known)
        if meter.aggregation == "sum":
            inside = [r for r in readings if any(_holds(w, r) for w in windows)]
            return sum((Fraction(_number(r)) for r in inside), Fraction(0))
        return fold(meter, readings, paid, part, states=states, absences=gone)

    def _height(
        self, meter: Meter, subject: str, windows: list[Period], day: Period, known: int
    ) -> Fraction:
        if meter.reads_resources:
            return self._fold(meter, subject, [day], day, known)
        series: dict[tuple[str, ...], list[Decimal]] = {}
        for reading in self._readings(meter, subject, known):
            if any(_holds(window, reading) for window in windows):
                series.setdefault(reading.series, []).append(_number(reading))
        folds: dict[str, Callable[[list[Decimal]], Fraction]] = {
            "max": lambda values: Fraction(max(values)),
            "min": lambda values: Fraction(min(values)),
            "last": lambda values: Fraction(values[-1]),
            "average": lambda values: sum(map(Fraction, values), Fraction(0)) / len(values),
        }
        return sum(map(folds[meter.aggregation], series.values()), Fraction(0))

    def _readings(self, meter: Meter, subject: str, known: int) -> list[Reading]:
        if meter.reads_resources:
            return []
        asked = (meter.key, subject, known)
        if asked in self._known_readings:
            return self._known_readings[asked]
        read = compile_reader(meter)
        found = [
            read(one.type, one.subject, to_micros(one.at), f"test {one.id}", one.fields)
            for one in self.facts.usage
            if one.subject == subject and one.position <= known and one.type == meter.event
        ]
        there = sorted((r for r in found if r is not None), key=lambda r: (r.micros, r.id))
        self._known_readings[asked] = there
        return there

    def _states(self, subject: str, known: int) -> tuple[ResourceState, ...]:
        asked = (subject, known)
        if asked not in self._known_states:
            happened = [e for at, who, e in self.facts.lives if who == subject and at <= known]
            self._known_states[asked] = fold_life(subject, happened)
        return self._known_states[asked]

    def _lived(
        self, resource: str, types: frozenset[str] | None, part: Period, known: int
    ) -> list[Period]:
        found = []
        for state in self._states(resource, known):
            if types is not None and state.type not in types:
                continue
            until = max(part.end if state.until is None else state.until, state.since)
            for stretch in self._stretches(part):
                if stretch.subject == resource:
                    inside = Period(state.since, until).overlap(stretch.window)
                    found += [] if inside is None else [inside]
        return found

    def _stretches(self, part: Period) -> tuple[Stretch, ...]:
        if part not in self._known_stretches:
            self._known_stretches[part] = stretches(
                self.account,
                self.facts.organization,
                projects=self.facts.projects,
                changes=self.facts.switches,
                residents=[
                    Resident(one, home, to_micros(self._born(one)))
                    for one, home in self.facts.home.items()
                ],
                period=part,
            )
        return self._known_stretches[part]

    def _born(self, resource: str) -> datetime:
        """When a resource came: the time before that is its first payer's."""
        lives = self.facts.lives
        return min(e.at for _, who, e in lives if who == resource and e.kind == "created")

    def _paid(
        self, meter: Meter, part: Period, types: frozenset[str] | None, known: int
    ) -> Mapping[str, list[Period]]:
        """What the account paid for, of resources of some types only where those are named."""
        whole: dict[str, list[Period]] = {}
        for stretch in self._stretches(part):
            whole.setdefault(stretch.subject, []).append(stretch.window)
        if types is None:
            return whole
        found = {}
        for resource in self.facts.home:
            own = self._lived(resource, types, part, known)
            others = self._lived(
                resource, frozenset(self.facts.catalog.resources) - types, part, known
            )
            if own:
                is_pure = meter.is_level and not others
                found[resource] = whole[resource] if is_pure else own
        return found

    def _named(self, subject: str) -> str:
        return subject if subject in {*self.facts.home, *self.facts.projects} else "account"


def seconds(period: Period) -> ByDay:
    """How long a period is on each day."""
    found = {(d.start - EPOCH).days: Fraction(d.microseconds) for d in _days(period)}
    return found or {(period.start - EPOCH).days: Fraction(1)}


def _days(part: Period) -> list[Period]:
    found = []
    start = part.start
    while start < part.end:
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
        found.append(Period(start, min(midnight, part.end)))
        start = midnight
    return found


def _holds(window: Period, reading: Reading) -> bool:
    return to_micros(window.start) <= reading.micros < to_micros(window.end)


def _number(reading: Reading) -> Decimal:
    assert isinstance(reading.value, Decimal)
    return reading.value

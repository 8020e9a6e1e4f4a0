"""Random lives of an organization: what the fold and every store must agree on.

A life is made from a seed: events of all kinds for several subjects (late, out of order, at the
same instant, delivered twice), the life of resources, ragged periods, and two payers who share the
subjects in changing ways. The instants crowd around the borders of hours, periods and stretches,
because that is where mistakes are made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random

from tallygate.accounts.model import ResourceState
from tallygate.accounts.payers import Stretch
from tallygate.catalog import read_catalog
from tallygate.catalog.model import Meter
from tallygate.core.period import Period, to_micros
from tallygate.metering.read import compile_reader
from tallygate.metering.reading import Reading
from tallygate.metering.windows import Absence

EVENT = "machine.usage"
EPOCH = datetime(2026, 5, 1, tzinfo=UTC)


CATALOG_TEXT = f"""
name: lives
currency: usd
meters:
  events: {{event: {EVENT}, aggregation: count}}
  net: {{event: {EVENT}, aggregation: sum, value: delta}}
  amount: {{event: {EVENT}, aggregation: sum, value: n}}
  weighted: {{event: {EVENT}, aggregation: sum, value: a + 0.2 * b - 0.1 * b}}
  peak: {{event: {EVENT}, aggregation: max, value: n}}
  trough: {{event: {EVENT}, aggregation: min, value: n}}
  latest: {{event: {EVENT}, aggregation: last, value: n}}
  mean: {{event: {EVENT}, aggregation: average, value: n}}
  users: {{event: {EVENT}, aggregation: unique, value: who}}
  stored: {{event: {EVENT}, aggregation: time_weighted, value: n}}
  stored_months: {{event: {EVENT}, aggregation: time_weighted, value: n, over: period}}
  eu_count: {{event: {EVENT}, aggregation: count, where: {{region: eu}}}}
  flagged: {{event: {EVENT}, aggregation: sum, value: n, where: {{flag: true, grade: 2}}}}
  peak_per: {{event: {EVENT}, aggregation: max, value: n, per: [instance]}}
  latest_per: {{event: {EVENT}, aggregation: last, value: n, per: [instance, region]}}
  mean_per: {{event: {EVENT}, aggregation: average, value: a * b, per: [instance]}}
  stored_per: {{event: {EVENT}, aggregation: time_weighted, value: n, per: [instance]}}
  users_eu: {{event: {EVENT}, aggregation: unique, value: who, where: {{region: eu}}}}
  cuh:
    event: resource
    aggregation: time_weighted
    value: running * (vcpu + 0.2 * ram_gb) + 0.01 * disk_gb
  up: {{event: resource, aggregation: time_weighted, value: running, over: period}}
  up_vm: {{event: resource, aggregation: time_weighted, value: running, where: {{type: vm.small}}}}
  vcpu_peak: {{event: resource, aggregation: max, value: vcpu}}
  vcpu_least: {{event: resource, aggregation: min, value: running * vcpu}}
  vcpu_last: {{event: resource, aggregation: last, value: vcpu}}
plans: {{}}
resources:
  vm.small: {{spec: {{vcpu: 4, ram_gb: 8, disk_gb: 160, family: shared}}}}
"""

CATALOG = read_catalog(CATALOG_TEXT)
METERS = tuple(CATALOG.meters.values())
SPEC = CATALOG.resources["vm.small"].spec


@dataclass(frozen=True, slots=True)
class Sent:
    """An event as it arrives; `subject` is a name of the life's, not yet anybody's id."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    fields: Mapping[str, object]

    @property
    def micros(self) -> int:
        """Its time since 1970."""
        return to_micros(self.time)


@dataclass(frozen=True, slots=True)
class Life:
    """What arrived, in the order of arrival and with repetitions, and what is asked about it."""

    seed: int
    arrivals: tuple[Sent, ...]
    states: tuple[ResourceState, ...]
    period: Period
    whole: Period | None
    payers: tuple[tuple[Stretch, ...], ...]

    @property
    def absences(self) -> dict[str, tuple[Absence, ...]]:
        """When resources were deleted, until they were created again."""
        births = {(one.resource, to_micros(one.since)) for one in self.states}
        found: dict[str, tuple[Absence, ...]] = {}
        for sent in sorted(set(self._steps("deleted"))):
            later = sorted(at for who, at in births if who == sent[0] and at >= sent[1])
            found[sent[0]] = (
                *found.get(sent[0], ()),
                (sent[1], later[0] if later else None),
            )
        return found

    def renamed(self, names: Mapping[str, str]) -> "Life":
        """The same life with other names for its subjects, and for the project in creations."""
        return replace(
            self,
            arrivals=tuple(
                replace(
                    sent,
                    subject=names.get(sent.subject, sent.subject),
                    fields={
                        name: names.get(str(value), value) if name == "project" else value
                        for name, value in sent.fields.items()
                    },
                )
                for sent in self.arrivals
            ),
            states=tuple(
                replace(state, resource=names.get(state.resource, state.resource))
                for state in self.states
            ),
            payers=tuple(
                tuple(replace(s, subject=names.get(s.subject, s.subject)) for s in hand)
                for hand in self.payers
            ),
        )

    def _steps(self, kind: str) -> list[tuple[str, int]]:
        return [(s.subject, s.micros) for s in self.arrivals if s.type == f"resource.{kind}"]

    def readings(self, meter: Meter) -> list[Reading]:
        """What the meter reads of each event once, in the order of arrival."""
        read, seen = compile_reader(meter), dict[tuple[str, str], Sent]()
        for sent in self.arrivals:
            seen.setdefault((sent.source, sent.id), sent)
        found = (
            read(sent.type, sent.subject, sent.micros, f"{sent.source} {sent.id}", sent.fields)
            for sent in seen.values()
        )
        return [reading for reading in found if reading is not None]


def live(seed: int, *, events: int = 90) -> Life:
    """The life of this seed. Its subjects are named org, prj, bil, res_a, res_b and res_c."""
    chance = Random(seed)  # noqa: S311  # a life is replayed by its seed, nothing is secret
    start = EPOCH + chance.choice((timedelta(0), timedelta(hours=7), _ragged(chance, 86_400)))
    length = chance.choice((timedelta(minutes=17), timedelta(hours=5), timedelta(days=30)))
    period = Period(start, start + length + chance.choice((timedelta(0), _ragged(chance, 9_000))))
    cuts = [_inside(chance, period) for _ in range(3)]
    instants = _instants(chance, period, cuts)
    subjects = ("org", "prj", "bil", "res_a", "res_b", "res_c")
    usage = [
        _usage(chance, number, chance.choice(subjects), chance.choice(instants))
        for number in range(events)
    ]
    lives = [_resource_life(chance, name, instants) for name in ("res_a", "res_b", "res_c")]
    sent = usage + [step for life, _ in lives for step in life]
    if chance.random() < 0.7:
        chance.shuffle(sent)
    else:
        sent.sort(key=lambda one: one.time)
    for repeated in chance.sample(sent, len(sent) // 10):
        sent.insert(chance.randrange(len(sent)), repeated)
    whole = Period(period.start, period.end + timedelta(days=3)) if chance.random() < 0.3 else None
    return Life(
        seed,
        tuple(sent),
        tuple(state for _, states in lives for state in states),
        period,
        whole,
        _payers(chance, subjects, period, cuts),
    )


def _ragged(chance: Random, seconds: int) -> timedelta:
    return timedelta(microseconds=chance.randrange(seconds * 1_000_000))


def _inside(chance: Random, period: Period) -> datetime:
    hour = timedelta(hours=1)
    moment = period.start + timedelta(microseconds=chance.randrange(period.microseconds))
    if chance.random() < 0.4:
        whole = EPOCH + (moment - EPOCH) // hour * hour
        moment = whole if whole in period else moment
    return moment


def _instants(chance: Random, period: Period, cuts: Sequence[datetime]) -> list[datetime]:
    crowd = [period.start, period.end, *cuts]
    tick = timedelta(microseconds=1)
    around = [moment + step for moment in crowd for step in (-tick, tick)]
    inside = [_inside(chance, period) for _ in range(25)]
    near = [moment + _ragged(chance, 600) for moment in inside[:10]]
    outside = [period.start - _ragged(chance, 500_000) for _ in range(4)]
    return crowd + around + inside + near + outside + [period.end + _ragged(chance, 90_000)]


def _usage(chance: Random, number: int, subject: str, time: datetime) -> Sent:
    fields: dict[str, object] = {
        "n": _value(chance),
        "delta": chance.choice((1, -1)) * Decimal(str(_value(chance))),
        "a": chance.randrange(10**6),
        "b": Decimal(chance.randrange(10**9)).scaleb(-chance.randrange(7)),
        "who": chance.choice((7, "7", Decimal("7.0"), True, f"u{chance.randrange(50)}", "ann")),
        "region": chance.choice(("eu", "us")),
        "instance": chance.choice(("i-1", "i-2", 3)),
        "flag": chance.random() < 0.7,
        "grade": chance.choice((1, 2, Decimal("2.0"), "2")),
    }
    source = chance.choice(("meter/a", "meter/b"))
    return Sent(f"{chance.randrange(10):x}-{number}", source, EVENT, subject, time, fields)


def _value(chance: Random) -> int | Decimal | str:
    digits = chance.choice((0, 0, 1, 3, 12))
    whole = chance.choice((0, 1, 7, 999, chance.randrange(10**6), 999_999_999_999_999))
    if digits == 0:
        return whole
    number = Decimal(f"{whole % 10**6}.{chance.randrange(10**digits):0{digits}d}")
    return str(number) if chance.random() < 0.2 and number >= Decimal("0.001") else number


def _resource_life(
    chance: Random, name: str, instants: Sequence[datetime]
) -> tuple[list[Sent], list[ResourceState]]:
    times = sorted(chance.sample(sorted(set(instants)), chance.randrange(1, 8)))
    steps: list[Sent] = []
    states: list[ResourceState] = []
    fields: dict[str, Decimal | str | bool] = {}
    running, alive = False, False
    for number, (time, until) in enumerate(pairwise([*times, None])):
        assert time is not None
        kind = chance.choice(("resized", "started", "stopped", "deleted")) if alive else "created"
        change: dict[str, object] = {}
        alive = kind != "deleted"
        if kind == "created":
            change = {"project": "prj", "type": "vm.small"}
            fields, running = dict(SPEC), chance.random() < 0.8
            change |= {} if running else {"running": False}
        elif kind == "resized":
            fields["vcpu"] = change["vcpu"] = Decimal(chance.choice(("2", "8", "0.5")))
        elif alive:
            running = kind == "started"
        steps.append(Sent(f"{name}-{number}", "cloud", f"resource.{kind}", name, time, change))
        if alive:
            states.append(ResourceState(name, time, until, "vm.small", running, dict(fields)))
    return steps, states


def _payers(
    chance: Random, subjects: Sequence[str], period: Period, cuts: Sequence[datetime]
) -> tuple[tuple[Stretch, ...], ...]:
    hands: tuple[list[Stretch], list[Stretch]] = ([], [])
    for subject in subjects:
        borders = sorted(
            {period.start, period.end, *chance.sample(cuts, chance.choice((0, 1, 3)))}
        )
        hand = chance.randrange(2)
        for start, end in pairwise(borders):
            hands[hand].append(Stretch(subject, Period(start, end)))
            hand = 1 - hand
    return tuple(hands[0]), tuple(hands[1])

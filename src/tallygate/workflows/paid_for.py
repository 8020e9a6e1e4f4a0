"""What did an account pay for within a span of time, and what were its resources meanwhile?

Who paid for which subject and when, and the states of those that are resources, in microseconds
since 1970 and read once: all that is counted or measured by resources is asked of these.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from tallygate.catalog.model import Meter
from tallygate.core.period import Period
from tallygate.core.quantity import EXACT
from tallygate.invoicing.contract import Types
from tallygate.metering.states import Fields, Held, Lived, compile_state_reader, held_by
from tallygate.metering.steps import Steps
from tallygate.metering.windows import Window, Windows, joined, span_of, within

PROJECT_PREFIX = "prj_"

Existed = tuple[Sequence[str], int, int]
"""Resources that were there, and paid for by the account: from when, until when."""


class Alike(NamedTuple):
    """Resources that were the same from `start` until `end`, in microseconds, and paid for.

    Of ten thousand most were there for the whole time and are of a few kinds: what is asked of
    each is then answered once for many.
    """

    resources: list[str]
    start: int
    end: int
    type: str
    running: bool
    fields: Fields


class PaidFor:
    """`windows` say when the account paid for each subject within the span.

    `read_lives` gives the states, overlapping the span, of those subjects that are resources,
    those of each in the order of time; it is asked once, when they are needed.
    """

    def __init__(self, windows: Windows, read_lives: Callable[[], Sequence[Lived]]) -> None:
        self.windows = windows
        self._read_lives = read_lives
        self._within: dict[Period, Windows] = {}
        self._steps: dict[Types | None, Steps] = {}
        self._read_steps: dict[tuple[int, Types | None], list[tuple[Decimal, Steps]]] = {}
        self._held: dict[int, list[Held]] = {}
        self._heights: dict[int, list[tuple[Decimal, Alike]]] = {}

    @cached_property
    def lives(self) -> Sequence[Lived]:
        """What the resources were."""
        return self._read_lives()

    @cached_property
    def alike(self) -> Sequence[Alike]:
        """The same, as far as it was paid for; no resource is in two at one time."""
        return alike_of(self.windows, self.lives)

    def held(self, meter: Meter) -> Sequence[Held]:
        """What a meter on resources reads in their states, all the time.

        Raises:
            Invalid: it aggregates by count, sum, average or unique.
        """
        if id(meter) not in self._held:
            self._held[id(meter)] = held_by(meter, self.lives)
        return self._held[id(meter)]

    def heights(
        self, meter: Meter, types: Collection[str] | None, part: Period
    ) -> Iterator[tuple[Decimal, Existed]]:
        """What a time_weighted meter reads in resources of these types, or all, within a part.

        Raises:
            Invalid: it aggregates by count, sum, average or unique.
        """
        first, last = span_of(part)
        for height, one in self.read(meter):
            if types is None or one.type in types:
                low, high = max(one.start, first), min(one.end, last)
                if low < high:
                    yield height, (one.resources, low, high)

    def area(self, meter: Meter, types: Types | None, part: Period) -> Fraction:
        """The same, in value x microseconds of all together."""
        asked = (id(meter), types)
        if asked not in self._read_steps:
            self._read_steps[asked] = self._steps_by_height(meter, types)
        area, window = Decimal(0), span_of(part)
        for height, steps in self._read_steps[asked]:
            area = EXACT.fma(height, steps.area(window), area)
        return Fraction(area)

    def _steps_by_height(self, meter: Meter, types: Types | None) -> list[tuple[Decimal, Steps]]:
        found: dict[Decimal, list[tuple[int, int, int]]] = {}
        for height, one in self.read(meter):
            if types is None or one.type in types:
                found.setdefault(height, []).append((len(one.resources), one.start, one.end))
        return [(height, Steps(windows)) for height, windows in found.items()]

    def read(self, meter: Meter) -> list[tuple[Decimal, Alike]]:
        """What a meter reads in the resources, all the time; see `heights_of`."""
        if id(meter) not in self._heights:
            self._heights[id(meter)] = heights_of(meter, self.alike)
        return self._heights[id(meter)]

    @cached_property
    def projects(self) -> Windows:
        """When the account paid for each project within the span."""
        return {who: its for who, its in self.windows.items() if who.startswith(PROJECT_PREFIX)}

    def within(self, part: Period) -> Windows:
        """What the account paid for in a part of the span, and when."""
        if part not in self._within:
            self._within[part] = within(self.windows, span_of(part))
        return self._within[part]

    def existing(self, types: Collection[str] | None, part: Period) -> Iterator[Existed]:
        """When there were resources of these types, or of all, in a part of the span."""
        first, last = span_of(part)
        for one in self.alike:
            if types is None or one.type in types:
                low, high = max(one.start, first), min(one.end, last)
                if low < high:
                    yield one.resources, low, high

    @cached_property
    def all_kinds(self) -> Types:
        """Every type of resource that was read."""
        return frozenset({one.type for one in self.lives})

    @cached_property
    def _kinds(self) -> Sequence[tuple[str, Sequence[Window]]]:
        """When there were resources of each type."""
        found: dict[str, list[Window]] = {}
        for one in self.alike:
            found.setdefault(one.type, []).append((one.start, one.end))
        return [(kind, joined(windows)) for kind, windows in found.items()]

    def kinds(self, part: Period) -> Types:
        """The types of resources that there were at any time in a part of the span."""
        first, last = span_of(part)
        return frozenset(
            kind
            for kind, windows in self._kinds
            if any(start < last and first < end for start, end in windows)
        )

    def steps(self, types: Types | None) -> Steps:
        """How many resources of these types, or of all, there were at each instant of the span."""
        if types not in self._steps:
            self._steps[types] = Steps(
                (len(one.resources), one.start, one.end)
                for one in self.alike
                if types is None or one.type in types
            )
        return self._steps[types]

    def of_types(self, types: Types, part: Period, *, level: bool) -> Windows:
        """The time in which resources were of these types.

        A level is not less for a resource that came late in the part: only one that was of
        another type for a while has it for the rest of the time.
        """
        found: dict[str, list[Window]] = {}
        for resources, start, end in self.existing(types, part):
            for resource in resources:
                found.setdefault(resource, []).append((start, end))
        windows = {who: joined(spans) for who, spans in found.items()}
        if level:
            others = self.existing(self.all_kinds - types, part)
            mixed = {resource for resources, _, _ in others for resource in resources}
            whole = self.within(part)
            windows.update((who, whole[who]) for who in windows if who not in mixed)
        return windows


class Supposed(PaidFor):
    """What would be paid for if some resources had other states: `lives`, and no others.

    `anew` says when, of those resources that are not among what is paid for. What the others
    were is not worked out a second time.
    """

    def __init__(
        self, before: PaidFor, own: Collection[str], lives: Sequence[Lived], anew: Windows
    ) -> None:
        super().__init__({**before.windows, **anew}, self._read_supposed)
        self._before = before
        self._own = own
        self._supposed = lives

    @cached_property
    def alike(self) -> Sequence[Alike]:
        """What the resources would be, as far as it would be paid for."""
        kept = (self._without(one) for one in self._before.alike)
        return (*(one for one in kept if one.resources), *self._own_alike)

    @cached_property
    def _own_alike(self) -> Sequence[Alike]:
        return alike_of(self.windows, self._supposed)

    @cached_property
    def _is_known(self) -> bool:
        return any(one in self._before.windows for one in self._own)

    def _without(self, one: Alike) -> Alike:
        """Those that go on being what they are."""
        if not self._is_known:
            return one
        return one._replace(resources=[who for who in one.resources if who not in self._own])

    def read(self, meter: Meter) -> list[tuple[Decimal, Alike]]:
        """What a meter reads in the resources, all the time; see `heights_of`."""
        if id(meter) not in self._heights:
            kept = ((height, self._without(one)) for height, one in self._before.read(meter))
            its = heights_of(meter, self._own_alike)
            self._heights[id(meter)] = [*(one for one in kept if one[1].resources), *its]
        return self._heights[id(meter)]

    def _read_supposed(self) -> Sequence[Lived]:
        stored = [one for one in self._before.lives if one.resource not in self._own]
        return [*stored, *self._supposed]


def alike_of(windows: Windows, lives: Iterable[Lived]) -> Sequence[Alike]:
    """What resources were within their windows, those that were the same together."""
    found: dict[tuple[int, int, str, bool, int], Alike] = {}
    get = windows.get
    for resource, since, until, kind, running, fields in lives:
        for start, end in get(resource, ()):
            low = since if since > start else start
            high = until if until < end else end
            if low < high:
                key = (low, high, kind, running, id(fields))
                one = found.get(key)
                if one is None:
                    one = found[key] = Alike([], low, high, kind, running, fields)
                one.resources.append(resource)
    return tuple(found.values())


def heights_of(meter: Meter, alike: Iterable[Alike]) -> list[tuple[Decimal, Alike]]:
    """What a meter reads in resources; those in which it reads nothing are left out.

    Raises:
        Invalid: it aggregates by count, sum, average or unique.
    """
    read = compile_state_reader(meter)
    values: dict[tuple[str, bool, int], Held | None] = {}
    found = []
    for one in alike:
        kind = (one.type, one.running, id(one.fields))
        if kind not in values:
            values[kind] = read(Lived(one.resources[0], *one[1:]))
        held = values[kind]
        if held is not None:
            found.append((held.value, one))
    return found

"""What did an account pay for within a span of time, and what were its resources meanwhile?

Who paid for which subject and when, and the states of those that are resources, in microseconds
since 1970 and read once: all that is counted or measured by resources is asked of these.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
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
        found: dict[tuple[int, int, str, bool, int], Alike] = {}
        windows = self.windows.get
        for resource, since, until, kind, running, fields in self.lives:
            for start, end in windows(resource, ()):
                low = since if since > start else start
                high = until if until < end else end
                if low < high:
                    key = (low, high, kind, running, id(fields))
                    one = found.get(key)
                    if one is None:
                        one = found[key] = Alike([], low, high, kind, running, fields)
                    one.resources.append(resource)
        return tuple(found.values())

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
        for height, one in self._read(meter):
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
        for height, one in self._read(meter):
            if types is None or one.type in types:
                found.setdefault(height, []).append((len(one.resources), one.start, one.end))
        return [(height, Steps(windows)) for height, windows in found.items()]

    def _read(self, meter: Meter) -> list[tuple[Decimal, Alike]]:
        if id(meter) not in self._heights:
            read = compile_state_reader(meter)
            values: dict[tuple[str, bool, int], Held | None] = {}
            for one in self.alike:
                kind = (one.type, one.running, id(one.fields))
                if kind not in values:
                    values[kind] = read(Lived(one.resources[0], *one[1:]))
            its = ((values[one.type, one.running, id(one.fields)], one) for one in self.alike)
            self._heights[id(meter)] = [(held.value, one) for held, one in its if held is not None]
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

    def kinds(self, part: Period) -> Types:
        """The types of resources that there were at any time in a part of the span."""
        window = span_of(part)
        return frozenset(
            kind for kind in self.all_kinds if self.steps(frozenset((kind,))).area(window)
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

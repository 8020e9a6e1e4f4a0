"""What did an account pay for within a span of time, and what were its resources meanwhile?

Who paid for which subject and when, and the states of those that are resources, in microseconds
since 1970 and read once: all that is counted or measured by resources is asked of these.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property

from tallygate.catalog.model import Meter
from tallygate.core.period import Period
from tallygate.invoicing.contract import Types
from tallygate.metering.states import Held, Lived, held_by
from tallygate.metering.windows import Window, Windows, joined, span_of, within

PROJECT_PREFIX = "prj_"

Existed = tuple[str, int, int]
"""A resource that was there, and paid for by the account: from when, until when."""


class PaidFor:
    """`windows` say when the account paid for each subject within the span.

    `read_lives` gives the states, overlapping the span, of those subjects that are resources,
    those of each in the order of time; it is asked once, when they are needed.
    """

    def __init__(self, windows: Windows, read_lives: Callable[[], Sequence[Lived]]) -> None:
        self.windows = windows
        self._read_lives = read_lives
        self._within: dict[Period, Windows] = {}
        self._kinds: dict[Period, Types] = {}
        self._held: dict[int, list[Held]] = {}

    @cached_property
    def lives(self) -> Sequence[Lived]:
        """What the resources were."""
        return self._read_lives()

    @cached_property
    def by_kind(self) -> Mapping[str, Sequence[Lived]]:
        """The same, by the type that they were of."""
        found: dict[str, list[Lived]] = {}
        for one in self.lives:
            found.setdefault(one.type, []).append(one)
        return found

    def held(self, meter: Meter) -> Sequence[Held]:
        """What a meter on resources reads in their states, all the time.

        Raises:
            Invalid: it aggregates by count, sum, average or unique.
        """
        if id(meter) not in self._held:
            self._held[id(meter)] = held_by(meter, self.lives)
        return self._held[id(meter)]

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
        windows = self.windows.get
        for kind, of_kind in self.by_kind.items():
            if types is not None and kind not in types:
                continue
            for resource, since, until, _, _, _ in of_kind:
                if since < last and until > first:
                    for start, end in windows(resource, ()):
                        low = since if since > start else start
                        low = low if low > first else first
                        high = until if until < end else end
                        high = high if high < last else last
                        if low < high:
                            yield resource, low, high

    def kinds(self, part: Period) -> Types:
        """The types of resources that there were at any time in a part of the span."""
        if part not in self._kinds:
            self._kinds[part] = frozenset(
                kind
                for kind in self.by_kind
                if next(self.existing((kind,), part), None) is not None
            )
        return self._kinds[part]

    def of_types(self, types: Types, part: Period, *, level: bool) -> Windows:
        """The time in which resources were of these types.

        A level is not less for a resource that came late in the part: only one that was of
        another type for a while has it for the rest of the time.
        """
        found: dict[str, list[Window]] = {}
        for resource, start, end in self.existing(types, part):
            found.setdefault(resource, []).append((start, end))
        windows = {who: joined(spans) for who, spans in found.items()}
        if level:
            others = self.by_kind.keys() - types
            mixed = {resource for resource, _, _ in self.existing(others, part)}
            whole = self.within(part)
            windows.update((who, whole[who]) for who in windows if who not in mixed)
        return windows

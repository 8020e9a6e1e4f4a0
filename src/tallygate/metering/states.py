"""What do the states of resources come to?

A meter with `event: resource` reads no events but the states they lead to: what each resource is,
from when until when. Each state has one value, and the states of a series are intervals: they are
integrated exactly (time_weighted), or compared (max, min, last). Other aggregations count
happenings, and a state is none; they are refused.

`value` sees the state's fields and `running` as 0 or 1. A field that the state lacks, or that is
no number, is 0: a load balancer has no disk. A value below zero is 0. `where` and `per` see the
fields too, `type`, and `running` as a boolean.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from tallygate.accounts.model import ResourceState
from tallygate.catalog.model import Meter
from tallygate.core.errors import Invalid
from tallygate.core.period import Period, from_micros, to_micros
from tallygate.core.quantity import EXACT, parse_decimal, plain
from tallygate.metering.read import compile_where
from tallygate.metering.windows import FOREVER, Windows, overlap, share_of, span_of

Fields = Mapping[str, Decimal | str | bool]

ON_RESOURCES = frozenset(("time_weighted", "max", "min", "last"))
"""The aggregations that a meter on resources can have."""


class Lived(NamedTuple):
    """What a resource was from `since` until `until`, in microseconds since 1970.

    The same as a `ResourceState`, ten thousand of which are read at once. Resources that are alike
    had best share their `fields`: what a meter sees in them is then computed once.
    """

    resource: str
    since: int
    until: int
    type: str
    running: bool
    fields: Fields

    def state(self) -> ResourceState:
        """The same with instants."""
        until = None if self.until >= FOREVER else from_micros(self.until)
        return ResourceState(
            self.resource, from_micros(self.since), until, self.type, self.running, self.fields
        )


def lived(state: ResourceState) -> Lived:
    """A state in microseconds."""
    until = FOREVER if state.until is None else to_micros(state.until)
    return Lived(
        state.resource, to_micros(state.since), until, state.type, state.running, state.fields
    )


class Held(NamedTuple):
    """A value that a series held from `start` until `end`, in microseconds."""

    series: tuple[str, ...]
    start: int
    end: int
    value: Decimal


class _Seen(NamedTuple):
    """What a meter makes of some fields: what tells the series apart, and the value.

    `value` is None where the meter looks away. `fields` keeps them in memory, by whose place they
    are known.
    """

    fields: Fields
    apart: tuple[str, ...]
    value: Decimal | None


def compile_state_reader(meter: Meter) -> Callable[[Lived], Held | None]:
    """The function from a state to what its series held; None where the meter looks away.

    Raises:
        Invalid: the meter aggregates what states do not have.
    """
    if meter.aggregation not in ON_RESOURCES:
        raise Invalid(
            f"Meter {meter.key} reads resources, so its aggregation must be one of "
            f"{', '.join(sorted(ON_RESOURCES))}, not {meter.aggregation}."
        )
    matches, per, value = compile_where(meter), meter.per, meter.value
    names = () if value is None else tuple(value.fields)
    known: dict[tuple[str, bool, int], _Seen] = {}  # many resources are alike

    def see(state: Lived) -> _Seen:
        fields = {**state.fields, "type": state.type, "running": state.running}
        if not matches(fields):
            return _Seen(state.fields, (), None)
        height = Decimal(1)
        if value is not None:
            numbers = {name: _number(fields.get(name)) for name in names}
            height = max(value.evaluate(numbers), Decimal(0))
        return _Seen(state.fields, tuple([_text(fields.get(name)) for name in per]), height)

    def read(state: Lived) -> Held | None:
        alike = (state.type, state.running, id(state.fields))
        seen = known.get(alike)
        if seen is None:
            seen = known[alike] = see(state)
        if seen.value is None:
            return None
        return Held((state.resource, *seen.apart), state.since, state.until, seen.value)

    return read


def held_by(meter: Meter, states: Iterable[Lived]) -> list[Held]:
    """What these states held, as the meter sees them; empty intervals are left out."""
    read = compile_state_reader(meter)
    found = (read(state) for state in states)
    return [held for held in found if held is not None and held.start < held.end]


def areas(held: Iterable[Held], windows: Windows) -> dict[str, Fraction]:
    """Value x microseconds within the windows, by subject."""
    found: dict[str, Decimal] = {}
    nothing = Decimal(0)
    for series, start, end, value in held_within(held, windows):
        found[series[0]] = EXACT.fma(value, end - start, found.get(series[0], nothing))
    return {subject: Fraction(area) for subject, area in found.items()}


def area_of_all(held: Iterable[Held], windows: Windows) -> Fraction:
    """The same of all subjects together: a sum of a few values, each with all its time."""
    lasted: dict[Decimal, int] = {}
    for _, start, end, value in held_within(held, windows):
        lasted[value] = lasted.get(value, 0) + end - start
    area = Decimal(0)
    for value, micros in lasted.items():
        area = EXACT.fma(value, micros, area)
    return Fraction(area)


def held_within(
    held: Iterable[Held], windows: Windows
) -> Iterator[tuple[tuple[str, ...], int, int, Decimal]]:
    """What was held within its subject's windows: the parts of `Held` that lie there."""
    get = windows.get
    for series, start, end, value in held:
        for first, last in get(series[0], ()):
            low = start if start > first else first
            high = end if end < last else last
            if low < high:
                yield series, low, high, value


def levels(
    meter: Meter, held: Iterable[Held], windows: Windows, period: Period
) -> dict[str, Fraction]:
    """The series' levels over the period, weighed by the share that the payer had, by subject."""
    span = span_of(period)
    heights: dict[tuple[str, ...], list[Held]] = {}
    for item in held:
        if item.series[0] in windows and overlap((item.start, item.end), span):
            heights.setdefault(item.series, []).append(item)
    found: dict[str, Fraction] = {}
    for series, items in heights.items():
        values = [item.value for item in sorted(items, key=lambda item: item.start)]
        match meter.aggregation:
            case "max":
                level = max(values)
            case "min":
                level = min(values)
            case _:
                level = values[-1]
        weighed = Fraction(level) * share_of(windows[series[0]], period)
        found[series[0]] = found.get(series[0], Fraction(0)) + weighed
    return found


def _number(raw: object) -> Decimal:
    """A field as a number; as in events, a text that is a plain decimal counts as one."""
    if isinstance(raw, Decimal):
        return raw
    if isinstance(raw, int):
        return Decimal(raw)
    try:
        return parse_decimal(raw) if isinstance(raw, str) else Decimal(0)
    except Invalid:
        return Decimal(0)


def _text(raw: object) -> str:
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return plain(raw) if isinstance(raw, Decimal) else "" if raw is None else str(raw)

"""What was a resource at each instant, given all that happened to it?

A fold over its life events. They may arrive late and out of order: they are sorted by time, then
id, so the same events always give the same states. At one and the same instant a resource that
does not exist is created first, and one that exists is deleted first; so neither the start of a
new life nor the end of an old one is lost to the spelling of an id.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Literal, get_args

from tallygate.accounts.model import Resource, ResourceState

LifeKind = Literal["created", "resized", "started", "stopped", "deleted"]
LIFE_KINDS: tuple[LifeKind, ...] = get_args(LifeKind)

Fields = Mapping[str, Decimal | str | bool]


@dataclass(frozen=True, slots=True)
class LifeEvent:
    """Something that happened to a resource.

    `id` breaks ties of time. `type`, where the event names one (a creation always does), comes
    with the `spec` that the catalog gave it when the event arrived. `fields` are the event's own;
    `running` is what the event says of it, if anything.
    """

    at: datetime
    id: str
    kind: LifeKind
    type: str | None = None
    spec: Fields = field(default_factory=dict)
    fields: Fields = field(default_factory=dict)
    running: bool | None = None


@dataclass(frozen=True, slots=True)
class _Being:
    """What a resource is: its type, whether it runs, what its events said beside the spec."""

    type: str
    running: bool
    spec: Fields
    said: Fields


def fold_life(resource: str, events: Iterable[LifeEvent]) -> tuple[ResourceState, ...]:
    """The states of a resource, in the order of time, without gaps within a life.

    It runs from its creation on unless the creation says otherwise. A resize overlays what was
    said before; one that changes the type brings the new type's spec, which comes before what
    was said of the same fields under the old type. A deletion ends the series at that instant;
    what happens to a resource that does not exist is without effect, and a later creation begins
    another life. States of no length are left out.
    """
    found: list[ResourceState] = []
    being: _Being | None = None
    since: datetime | None = None
    for at, happened in groupby(sorted(events, key=attrgetter("at")), key=attrgetter("at")):
        after = being
        for event in _in_order(happened, exists=being is not None):
            after = _live(after, event)
        if after == being:
            continue
        if being is not None and since is not None:
            found.append(_state(resource, being, since, at))
        being, since = after, at
    if being is not None and since is not None:
        found.append(_state(resource, being, since, None))
    return tuple(found)


def live_on(
    resource: Resource, before: Iterable[LifeEvent], came: Sequence[LifeEvent]
) -> tuple[Resource, tuple[ResourceState, ...]]:
    """A resource, and its states, once events have come to its life, one after the other.

    Its type, its beginning and its end are what its states say. Where they come to nothing (it was
    created and deleted at one instant), it stays what it was when there last was something.
    """
    past = list(before)
    states = fold_life(resource.id, [*past, *came])
    said, count = states, len(came)
    while not said and count > 1:
        count -= 1
        said = fold_life(resource.id, [*past, *came[:count]])
    if said:
        kind, born, end = said[-1].type, said[0].since, said[-1].until
        if (kind, born, end) != (resource.type, resource.created_at, resource.deleted_at):
            resource = replace(resource, type=kind, created_at=born, deleted_at=end)
    return resource, states


def _in_order(happened: Iterable[LifeEvent], *, exists: bool) -> Iterator[LifeEvent]:
    """The events of one instant."""
    first = ("deleted", "created") if exists else ("created",)

    def place(event: LifeEvent) -> tuple[int, str]:
        return (first.index(event.kind) if event.kind in first else len(first), event.id)

    yield from sorted(happened, key=place)


def _live(being: _Being | None, event: LifeEvent) -> _Being | None:
    """What the resource is after one event."""
    if event.kind == "deleted":
        return None
    if being is None:
        if event.kind != "created":
            return None
        assert event.type is not None, "a creation names its type"
        return _Being(event.type, event.running is not False, event.spec, event.fields)
    running = being.running
    if event.kind in {"started", "stopped"}:
        running = event.kind == "started"
    elif event.running is not None:
        running = event.running
    if event.type is None or event.type == being.type:
        return _Being(being.type, running, being.spec, {**being.said, **event.fields})
    kept = {name: value for name, value in being.said.items() if name not in event.spec}
    return _Being(event.type, running, event.spec, {**kept, **event.fields})


def _state(resource: str, being: _Being, since: datetime, until: datetime | None) -> ResourceState:
    fields = {**being.spec, **being.said}
    return ResourceState(resource, since, until, being.type, being.running, fields)

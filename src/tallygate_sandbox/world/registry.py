"""What the rooms declare about their kinds: indexes, views, timers, reactions.

Invoices know nothing of subscriptions, and yet a paid invoice makes a subscription active: the
upper room declares `@when("invoice.paid")`, the lower one only emits the event.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

# The first argument of each is the world, which is built on this registry.
View = Callable[[Any, Any], dict[str, Any]]
Reaction = Callable[[Any, Any], None]

INDEXES: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
VIEWS: dict[str, View] = {}
TIMERS: dict[str, Reaction] = {}
REACTIONS: defaultdict[str, list[Reaction]] = defaultdict(list)


def index(kind: str, *fields: str) -> None:
    """Declare by which fields objects of a kind are looked up; a field may be a dotted path."""
    INDEXES[kind] = tuple(dict.fromkeys((*INDEXES[kind], *fields)))  # two rooms may ask


def view_of(kind: str) -> Callable[[View], View]:
    """Declare how an object of this kind is shown, where that is more than its own fields."""

    def declare(view: View) -> View:
        VIEWS[kind] = view
        return view

    return declare


def due(timer: str) -> Callable[[Reaction], Reaction]:
    """Declare what happens to an object when this timer of its is due: f(world, id)."""

    def declare(reaction: Reaction) -> Reaction:
        TIMERS[timer] = reaction
        return reaction

    return declare


def when(*events: str) -> Callable[[Reaction], Reaction]:
    """Declare what follows from these events, in the same transaction: f(world, object)."""

    def declare(reaction: Reaction) -> Reaction:
        for event in events:
            REACTIONS[event].append(reaction)
        return reaction

    return declare

"""Events that come together do what they do one by one; and would a mistake be found?"""

from collections.abc import Callable, Iterable

import pytest
from sqlalchemy.exc import IntegrityError
from tests.workflows.grouped_lives import (
    Sender,
    Told,
    differences,
    tables,
    verdicts_one_by_one,
)

from tallygate.accounts.life import LifeEvent, live_on
from tallygate.accounts.model import Resource, ResourceState
from tallygate.adapters.store import Store, life_rows
from tallygate.workflows.arrivals import Candidate
from tallygate.workflows.life_known import LifeKnown
from tallygate.workflows.lives import Lives
from tallygate.workflows.once import Identities

Plant = Callable[[pytest.MonkeyPatch], None]
SEEDS = (1, 2, 8, 16, 22, 35)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_group_does_what_its_events_do_one_by_one(sqlite_store: Store, seed: int) -> None:
    assert differences(sqlite_store, seed) == []


@pytest.mark.parametrize("seed", [100, 101])
def test_the_same_on_each_engine(store: Store, seed: int) -> None:
    assert differences(store, seed) == []


def a_hundred(sender: Sender) -> list[Told]:
    return [sender.next() for _ in range(100)]


def test_what_a_life_has_already_happens_once_whosever_it_was(sqlite_store: Store) -> None:
    """In this draw a deletion comes again after its resource's project has moved."""
    assert differences(sqlite_store, 1111, draw=a_hundred) == []


def test_what_is_sent_has_all_sorts_of_verdicts(sqlite_store: Store) -> None:
    told = "\n".join(line for seed in SEEDS for line in verdicts_one_by_one(sqlite_store, seed))
    for sentence in (
        "conflict: ",
        "is unknown: it must be our id",
        "There is no organization, billing account, project or resource",
        "names something else in this organization",
        "a resource stays in its project",
        "was another organization's at",
        "is a name in several organizations",
        "are two names for one resource",
        "has the form of our ids",
        "has no resource type",
    ):
        assert sentence in told


def came_later(sender: Sender) -> list[Told]:
    """A resource turns out to have come after the move: what acme says of its time is refused."""
    acme, _ = sender.tenants
    project = {"project": "web", "type": "vm"}
    return [
        (None, sender.event("late", "resource.created", project, 5)),
        (acme, sender.event("late", "resource.stopped", {}, 6)),
        (None, sender.event("late", "resource.created", project, 15)),
        (None, sender.event("late", "resource.deleted", {}, 5)),
        (acme, sender.event("late", "resource.started", {}, 7)),
        (acme, sender.event("late", "api.call", {"user": "a"}, 7)),
    ]


def test_when_a_resource_came_is_learned_within_a_group(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert differences(store, 1, draw=came_later) == []
    monkeypatch.setattr(Lives, "_lived", lambda _lives, resource, _change: resource)
    assert "verdicts" in differences(store, 1, draw=came_later)


def named_by_whoever_had_it(sender: Sender) -> list[Told]:
    """A tenant tells late of what has moved on since: both organizations know it by its names."""
    acme, zeta = sender.tenants
    project = {"project": "web", "type": "vm"}
    return [
        (acme, sender.event("late", "resource.created", project, 5)),
        (zeta, sender.event("late", "resource.stopped", {}, 12)),
        (acme, sender.event("late", "api.call", {"user": "a"}, 6)),
        (zeta, sender.event("other", "resource.created", project, 5)),
    ]


def test_a_tenant_tells_of_what_it_had(store: Store) -> None:
    assert differences(store, 1, draw=named_by_whoever_had_it) == []
    assert len(tables(store)["life_events"]) == 8


def names_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    """What an event has brought has no name for those after it."""
    patch.setattr(LifeKnown, "add", lambda known, resource, _names: known.keep(resource))


def usage_cannot_name_what_is_new(patch: pytest.MonkeyPatch) -> None:
    """The same for usage events."""
    patch.setattr("tallygate.workflows.ingest._Intake._follow", lambda _intake, _change: None)


def a_duplicate_within_the_group_has_an_effect(patch: pytest.MonkeyPatch) -> None:
    """Only the log is asked whether an event is new, and not those before it."""
    patch.setattr(Identities, "note", lambda _identities, _waiting: None)


def the_log_is_not_asked(patch: pytest.MonkeyPatch) -> None:
    """Only those before it are asked whether an event is new, and not the log."""
    patch.setattr(Identities, "look_up", lambda _identities, _asked: None)


def a_move_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Of what has moved, an event is not looked for under its former organization."""

    def here(identities: Identities, candidate: Candidate) -> bool:
        own = (candidate.route.organization, candidate.event.source, candidate.event.id)
        identities.look_up([own])
        return own not in identities._there

    patch.setattr(Identities, "is_new", here)


def a_life_begins_with_the_group(patch: pytest.MonkeyPatch) -> None:
    """States are made of what the group says, without what happened before."""
    patch.setattr(life_rows, "lives_of_each", lambda _tx, _ids: {})


def only_what_is_kept_counts(patch: pytest.MonkeyPatch) -> None:
    """States are made of what happened before, and of the last event of the group."""

    def last(
        resource: Resource, before: Iterable[LifeEvent], came: list[LifeEvent]
    ) -> tuple[Resource, tuple[ResourceState, ...]]:
        return live_on(resource, before, came[-1:])

    patch.setattr(life_rows, "live_on", last)


def states_stay(patch: pytest.MonkeyPatch) -> None:
    """A state that a late event does away with stays."""
    patch.setattr(life_rows._NO_STATES.__class__, "run", lambda *_: None)


def names_are_free(patch: pytest.MonkeyPatch) -> None:
    """A name that an organization has is not refused."""

    def later(*_: object) -> None:
        return None

    patch.setattr(LifeKnown, "refuse_taken_name", later)


@pytest.mark.parametrize(
    ("plant", "seed"),
    [
        (names_are_forgotten, 0),
        (usage_cannot_name_what_is_new, 0),
        (a_duplicate_within_the_group_has_an_effect, 0),
        (the_log_is_not_asked, 0),
        (a_move_is_forgotten, 73),
        (a_life_begins_with_the_group, 0),
        (only_what_is_kept_counts, 0),
        (states_stay, 8),
        (names_are_free, 16),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_planted_defect_is_found(
    sqlite_store: Store, plant: Plant, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    try:
        found = differences(sqlite_store, seed)
    except (AssertionError, IntegrityError) as noticed:  # by ourselves, or by the database
        found = [str(noticed)]
    assert found

"""How are the lives of many resources read, and written with what has come to them?

A run of life events concerns many resources: what is there of them is read in a few questions, and
what has changed is written in a few statements: the resources with their names, what happened to
them, and of their states what differs. `life_events` is the record; the states, and on a resource
its type, its beginning and its end, are made from it.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

from tallygate.accounts.homes import home_at
from tallygate.accounts.life import LIFE_KINDS, Fields, LifeEvent, live_on
from tallygate.accounts.model import Home, Resource, ResourceState
from tallygate.adapters.store.bulk import Delete, Insert, among, listed, rows_at_once
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.resources import read_fields
from tallygate.adapters.store.rows import micros_of
from tallygate.adapters.store.subjects import Subject, SubjectKind
from tallygate.core.period import from_micros, to_micros
from tallygate.core.quantity import plain

OPEN = 1 << 62
"""Later than any instant, in microseconds: how an open end is read."""

_RESOURCES = Insert(
    "resources",
    (
        ("id", str),
        ("organization", str),
        ("project", str),
        ("type", str),
        ("external_id", str),
        ("created_at", int),
        ("deleted_at", int),
    ),
    "ON CONFLICT (id) DO UPDATE SET type = excluded.type, created_at = excluded.created_at,"
    " deleted_at = excluded.deleted_at",
)
_NAMES = Insert(
    "subjects", (("organization", str), ("alias", str), ("subject", str), ("kind", str)), ""
)
_LIVES = Insert(
    "life_events",
    (
        ("resource", str),
        ("at", int),
        ("source", str),
        ("event", str),
        ("organization", str),
        ("kind", str),
        ("fields", str),
    ),
    "",
)
_STATE = ("resource", "since", "until", "organization", "type", "running", "fields")
_STATES = Insert(
    "resource_states",
    tuple((name, int if name in {"since", "until", "running"} else str) for name in _STATE),
    "ON CONFLICT (resource, since) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _STATE[2:]),
)
_NO_STATES = Delete("resource_states", (("resource", str), ("since", int)))

_write = json.JSONEncoder(separators=(",", ":")).encode

StateRow = tuple[str, int, int | None, str, str, int, str]
"""A row of the states: resource, since, until, organization, type, running, fields."""


@dataclass(frozen=True, slots=True)
class LifeRecord:
    """A life event with the identity that it came under."""

    source: str
    id: str
    event: LifeEvent


@dataclass(slots=True)
class News:
    """What has come to the life of one resource, and is not written yet.

    `resource` is as it is kept; or as it will be, where it is `born`, and not there yet. `homes`
    are its own, where its project has moved. `records` are in the order in which they came, each
    with the organization whose the resource was then.
    """

    resource: Resource
    born: bool
    homes: tuple[Home, ...] = ()
    records: list[tuple[LifeRecord, str]] = field(default_factory=list)

    def add(self, record: LifeRecord) -> None:
        """Take in what happened next."""
        homes, at = self.homes, record.event.at
        self.records.append((record, home_at(homes, at) if homes else self.resource.organization))


def named(tx: Transaction, aliases: Collection[str]) -> Iterator[tuple[str, Subject]]:
    """All that some names mean, in any organization that the transaction sees."""
    if not aliases:
        return
    asked = f"FROM subjects WHERE alias {among(tx)}"
    wanted = ("alias", "subject", "organization", "kind")
    for alias, subject, organization, kind in rows_at_once(tx, wanted, asked, (listed(aliases),)):
        # The column holds nothing else.
        its = cast("SubjectKind", str(kind))
        yield str(alias), Subject(str(subject), str(organization), its)


def resources_among(tx: Transaction, ids: Collection[str]) -> dict[str, Resource]:
    """Those of some resources that are there, by id."""
    if not ids:
        return {}
    wanted = (
        *("id", "organization", "project", "type", "created_at", "coalesce(external_id, '')"),
        f"coalesce(deleted_at, {OPEN})",
    )
    rows = rows_at_once(tx, wanted, f"FROM resources WHERE id {among(tx)}", (listed(ids),))
    return {
        str(id_): Resource(
            str(id_),
            str(organization),
            str(project),
            str(kind),
            from_micros(int(born)),
            str(external_id) or None,
            None if end == OPEN else from_micros(int(end)),
        )
        for id_, organization, project, kind, born, external_id, end in rows
    }


def owners_of(tx: Transaction, projects: Collection[str]) -> dict[str, str]:
    """The present organization of each of some projects."""
    if not projects:
        return {}
    asked = f"FROM projects WHERE id {among(tx)}"
    rows = rows_at_once(tx, ("id", "organization"), asked, (listed(projects),))
    return {str(project): str(organization) for project, organization in rows}


def lives_of_each(tx: Transaction, ids: Collection[str]) -> dict[str, list[LifeEvent]]:
    """All that happened to some resources, in no order; one without a life is left out."""
    wanted = ("resource", "at", "source", "event", "kind", "fields")
    asked = f"FROM life_events WHERE resource {among(tx)}"
    lives: dict[str, list[LifeEvent]] = {}
    known: dict[str, dict[str, Any]] = {}
    for resource, at, source, event, kind, text in rows_at_once(tx, wanted, asked, (listed(ids),)):
        said = known.get(str(text))
        if said is None:
            said = known[str(text)] = json.loads(str(text))
            said["spec"], said["fields"] = read_fields(said["spec"]), read_fields(said["fields"])
        happened = LifeEvent(
            from_micros(int(at)),
            f"{source} {event}",
            next(one for one in LIFE_KINDS if one == kind),
            said["type"],
            said["spec"],
            said["fields"],
            said["running"],
        )
        lives.setdefault(str(resource), []).append(happened)
    return lives


def save_news(tx: Transaction, news: Collection[News]) -> list[Resource]:
    """Add what has come to the lives of some resources; gives each as it is then.

    Their states are made anew from all that happened: it may have come late. Whether the names of
    what is born are free has been looked at. Each resource is there once. What a life has already
    happens once: where its resource was another organization's when it came first, the log, which
    knows events by organization, may have taken it for new.
    """
    there = [one.resource.id for one in news if not one.born]
    before, kept = lives_of_each(tx, there), _states_of_each(tx, there)
    rows: list[Sequence[int | str | None]] = []
    now: list[Resource] = []
    new: list[StateRow] = []
    gone: list[tuple[str, int]] = []
    for one in news:
        name = one.resource.id
        past = {event.id for event in before.get(name, ())}
        one.records = [told for told in one.records if told[0].event.id not in past]
        came = [record.event for record, _ in one.records]
        settled, states = live_on(one.resource, before.get(name, ()), came)
        now.append(settled)
        if one.born or settled != one.resource:
            rows.append(_resource_row(settled))
        theirs = kept.get(name, {})
        wanted = {
            row[1]: row for state in states for row in _state_rows(settled, state, one.homes)
        }
        new += [row for since, row in wanted.items() if theirs.get(since) != row]
        gone += [(name, since) for since in theirs if since not in wanted]
    _RESOURCES.run(tx, rows)
    _NAMES.run(tx, [row for one in news if one.born for row in _name_rows(one)])
    _LIVES.run(tx, [row for one in news for row in _life_rows(one)])
    _NO_STATES.run(tx, gone)
    _STATES.run(tx, new)
    return now


def homes_and_names(resource: Resource, homes: Sequence[Home]) -> Iterator[tuple[str, str]]:
    """The names that a new resource has, each with an organization that will know it."""
    owners = [home.organization for home in homes] or [resource.organization]
    for organization in dict.fromkeys(owners):
        for alias in dict.fromkeys(filter(None, (resource.id, resource.external_id))):
            yield organization, alias


def _states_of_each(tx: Transaction, ids: Collection[str]) -> dict[str, dict[int, StateRow]]:
    wanted = tuple(f"coalesce(until, {OPEN})" if name == "until" else name for name in _STATE)
    asked = f"FROM resource_states WHERE resource {among(tx)}"
    found: dict[str, dict[int, StateRow]] = {}
    for resource, since, until, organization, kind, running, fields in rows_at_once(
        tx, wanted, asked, (listed(ids),)
    ):
        name, start, end = str(resource), int(since), None if until == OPEN else int(until)
        rest = (str(organization), str(kind), int(running), str(fields))
        found.setdefault(name, {})[start] = (name, start, end, *rest)
    return found


def _resource_row(resource: Resource) -> tuple[int | str | None, ...]:
    return (
        resource.id,
        resource.organization,
        resource.project,
        resource.type,
        resource.external_id,
        to_micros(resource.created_at),
        micros_of(resource.deleted_at),
    )


def _name_rows(news: News) -> Iterator[tuple[str, str, str, str]]:
    for organization, alias in homes_and_names(news.resource, news.homes):
        yield organization, alias, news.resource.id, "resource"


def _life_rows(news: News) -> Iterator[tuple[int | str, ...]]:
    for record, organization in news.records:
        event = record.event
        said = {
            "type": event.type,
            "spec": _plain_fields(event.spec),
            "fields": _plain_fields(event.fields),
            "running": event.running,
        }
        yield (
            news.resource.id,
            to_micros(event.at),
            record.source,
            record.id,
            organization,
            event.kind,
            _write(said),
        )


def _state_rows(
    resource: Resource, state: ResourceState, homes: Sequence[Home]
) -> Iterator[StateRow]:
    """A state as rows: one, or cut where its resource moved, a row of whose it was each time."""
    start, end = to_micros(state.since), micros_of(state.until)
    what = (state.type, int(state.running), _write(_plain_fields(state.fields)))
    if not homes:
        yield resource.id, start, end, resource.organization, *what
        return
    last = OPEN if end is None else end
    for home in homes:
        since = max(start, 0 if home.since is None else to_micros(home.since))
        until = min(last, OPEN if home.until is None else to_micros(home.until))
        if since < until:
            ends = None if until == OPEN else until
            yield resource.id, since, ends, home.organization, *what


def _plain_fields(fields: Fields) -> dict[str, Any]:
    """Fields for JSON: a number is a list of one text, so that it stays exact and no text."""
    return {
        name: [plain(value)] if isinstance(value, Decimal) else value
        for name, value in sorted(fields.items())
    }

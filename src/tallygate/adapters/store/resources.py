"""How are resources kept, what happened to them, and what they were when?

`life_events` is the record; states, and on the resource itself its type, its beginning and its
end, are made from it whenever an event is added.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from tallygate.accounts.homes import home_at
from tallygate.accounts.life import Fields, LifeEvent, fold_life
from tallygate.accounts.model import Home, Resource, ResourceState
from tallygate.accounts.payers import Resident
from tallygate.adapters.store.bulk import Found, Value, among, listed, rows_at_once
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.rows import AnyRow, found, get, page, within
from tallygate.adapters.store.subjects import Subject, name_subject
from tallygate.adapters.store.tables import accounts as t
from tallygate.adapters.store.walls import beyond_tenant
from tallygate.core.period import Period, from_micros, to_micros
from tallygate.core.quantity import plain

IDS_AT_ONCE = 500
LAST = 1 << 62
"""Later than any instant, in microseconds."""

# Asked so often that making the question anew would take longer than answering it.
_STATES = (
    select(t.resource_states)
    .where(t.resource_states.c.resource.in_(bindparam("ids", expanding=True)))
    .where(t.resource_states.c.since < bindparam("end"))
    .where(
        or_(
            t.resource_states.c.until.is_(None),
            t.resource_states.c.until > bindparam("start"),
        )
    )
    .order_by(t.resource_states.c.resource, t.resource_states.c.since)
)
_RESIDENTS = ("organization", "id", "project", "created_at")


@dataclass(frozen=True, slots=True)
class LifeRecord:
    """A life event with the identity that it came under."""

    source: str
    id: str
    event: LifeEvent


def save_resource(tx: Transaction, resource: Resource, homes: Sequence[str] = ()) -> None:
    """Add a resource. `homes` are all organizations that know it, where its project has moved.

    Raises:
        Conflict: the organization, or one of those, has something else with this external id.
    """
    row = {
        "id": resource.id,
        "organization": resource.organization,
        "project": resource.project,
        "type": resource.type,
        "external_id": resource.external_id,
        "created_at": to_micros(resource.created_at),
        "deleted_at": _micros(resource.deleted_at),
    }
    # What came late, from before a move, is the new organization's by now, whoever tells of it.
    with beyond_tenant(tx) if homes else nullcontext():
        tx.execute(insert(t.resources), row)
        for organization in dict.fromkeys(homes or (resource.organization,)):
            name_subject(tx, Subject(resource.id, organization, "resource"), resource.external_id)


def get_resource(tx: Transaction, resource_id: str, tenant: str | None = None) -> Resource:
    """The resource with this id.

    Raises:
        NotFound: there is none, or it is another organization's.
    """
    return _resource(found(get(tx, t.resources, resource_id, tenant), "resource", resource_id))


def list_resources(
    tx: Transaction,
    tenant: str | None,
    after: str | None = None,
    limit: int = 100,
    *,
    project: str | None = None,
) -> tuple[Resource, ...]:
    """An organization's resources (or a project's), deleted ones too, in the order of ids."""
    table = t.resources
    question = select(table).where(within(table.c.organization, tenant))
    if project is not None:
        question = question.where(table.c.project == project)
    return tuple(map(_resource, tx.execute(page(question, table, after, limit))))


def resource_exists(tx: Transaction, resource_id: str) -> bool:
    """Whether any organization has a resource with this id."""
    with beyond_tenant(tx):  # an id is one thing's, whoever has it
        return get(tx, t.resources, resource_id, None) is not None


def there_at(tx: Transaction, organization: str, at: datetime) -> Iterator[Resource]:
    """An organization's resources that are there at an instant, the oldest first."""
    table, now = t.resources, to_micros(at)
    there = (
        select(table)
        .where(table.c.organization == organization, table.c.created_at <= now)
        .where(or_(table.c.deleted_at.is_(None), table.c.deleted_at > now))
        .order_by(table.c.created_at, table.c.id)
    )
    return map(_resource, tx.execute(there))


def residents_of(tx: Transaction, organization: str, former: Iterable[str] = ()) -> list[Resident]:
    """An organization's resources, and those of projects that it had, each with its project.

    Those that are deleted are among them: usage of the time before may still arrive.
    """
    return residents_of_each(tx, [organization], {organization: former}).get(organization, [])


def residents_of_each(
    tx: Transaction,
    organizations: Collection[str],
    former: Mapping[str, Iterable[str]] = MappingProxyType({}),
) -> dict[str, list[Resident]]:
    """The same for several organizations, by organization; one without any is left out.

    `former` are the projects that each had, and has no more.
    """
    residents: dict[str, list[Resident]] = {}
    for owner, *resident in _residents(tx, "organization", organizations):
        residents.setdefault(str(owner), []).append(_resident(*resident))
    left = {project for projects in former.values() for project in projects}
    if left:
        rows = _residents(tx, "project", left)
        for organization, projects in former.items():
            its = {*projects}
            mine = (row for row in rows if row[2] in its and row[0] != organization)
            added = [_resident(*resident) for _, *resident in mine]
            residents.setdefault(organization, []).extend(added)
    return residents


def _residents(tx: Transaction, column: str, values: Collection[str]) -> list[Found]:
    """Who is in some organizations, or projects: (organization, resource, project, creation)."""
    asked = f"FROM resources WHERE {column} {among(tx)}"  # one of two names of ours
    return sorted(rows_at_once(tx, _RESIDENTS, asked, (listed(values),)), key=lambda row: row[1])


def types_present(tx: Transaction, at: datetime) -> dict[str, set[str]]:
    """The types of the resources that exist at an instant, by organization."""
    table = t.resources
    rows = tx.execute(
        select(table.c.organization, table.c.type)
        .where(or_(table.c.deleted_at.is_(None), table.c.deleted_at > to_micros(at)))
        .distinct()
    )
    types: dict[str, set[str]] = {}
    for row in rows:
        types.setdefault(row.organization, set()).add(row.type)
    return types


def projects_of(tx: Transaction, resource_ids: Iterable[str]) -> dict[str, str]:
    """The project of each of some resources."""
    table, wanted = t.resources, sorted(set(resource_ids))
    found: dict[str, str] = {}
    for start in range(0, len(wanted), IDS_AT_ONCE):
        some = table.c.id.in_(wanted[start : start + IDS_AT_ONCE])
        rows = tx.execute(select(table.c.id, table.c.project).where(some))
        found.update({row.id: row.project for row in rows})
    return found


def types_in(tx: Transaction, project: str, at: datetime) -> set[str]:
    """The types of what is in a project at an instant, or comes later."""
    table, now = t.resources, to_micros(at)
    asked = (
        select(t.resource_states.c.type)
        .join(table, table.c.id == t.resource_states.c.resource)
        .where(table.c.project == project)
        .where(or_(t.resource_states.c.until.is_(None), t.resource_states.c.until > now))
        .distinct()
    )
    return set(tx.execute(asked).scalars())


def save_life_event(
    tx: Transaction, resource: Resource, record: LifeRecord, homes: Sequence[Home] = ()
) -> Resource:
    """Add something that happened to a resource; gives the resource as it is then.

    Its states, type, beginning and end are made anew from all that happened. `homes` are the
    resource's, where its project has moved: each keeps what was in its time.
    """
    event = record.event
    fields = {
        "type": event.type,
        "spec": _plain_fields(event.spec),
        "fields": _plain_fields(event.fields),
        "running": event.running,
    }
    row = {
        "resource": resource.id,
        "at": to_micros(event.at),
        "source": record.source,
        "event": record.id,
        "organization": home_at(homes, event.at) if homes else resource.organization,
        "kind": event.kind,
        "fields": json.dumps(fields, separators=(",", ":")),
    }
    # A life that was spent in several homes is still one: all of it is read, and made anew.
    with beyond_tenant(tx) if homes else nullcontext():
        tx.execute(insert(t.life_events), row)
        states = fold_life(resource.id, life_of(tx, resource.id))
        _replace_states(tx, resource, [_state_row(resource, state) for state in states], homes)
        return _settle_resource(tx, resource, states)


def last_life_event(tx: Transaction, resource_id: str) -> datetime | None:
    """When the last thing happened to a resource; None: nothing did."""
    table = t.life_events
    micros = tx.execute(select(func.max(table.c.at)).where(table.c.resource == resource_id))
    at = micros.scalar_one()
    return None if at is None else from_micros(at)


def states_of(
    tx: Transaction, resource_ids: Iterable[str], period: Period, tenant: str | None = None
) -> tuple[ResourceState, ...]:
    """The states, overlapping a period, of resources; those of each in the order of time.

    A tenant has those of the time in which the resource was its own.
    """
    wanted = list(dict.fromkeys(resource_ids))
    states: list[ResourceState] = []
    window = {"start": to_micros(period.start), "end": to_micros(period.end)}
    for start in range(0, len(wanted), IDS_AT_ONCE):
        some = {"ids": wanted[start : start + IDS_AT_ONCE]}
        rows = tx.execute(_STATES, window | some)
        states.extend(_state(row) for row in rows if tenant in {None, row.organization})
    return tuple(states)


def life_of(tx: Transaction, resource_id: str) -> list[LifeEvent]:
    """All that happened to a resource, in no order."""
    rows = tx.execute(select(t.life_events).where(t.life_events.c.resource == resource_id))
    return [life_event_from(row) for row in rows]


def _replace_states(
    tx: Transaction, resource: Resource, states: Sequence[dict[str, Any]], homes: Sequence[Home]
) -> None:
    """Write what differs from the states that are there; usually that is the last of them."""
    table = t.resource_states
    rows = tx.execute(select(table).where(table.c.resource == resource.id)).mappings()
    there = {row["since"]: dict(row) for row in rows}
    rows_wanted = [part for state in states for part in _by_home(state, homes)]
    wanted = {row["since"]: row for row in rows_wanted}
    gone = [since for since in there if there[since] != wanted.get(since)]
    if gone:
        mine = table.c.resource == resource.id
        for start in range(0, len(gone), IDS_AT_ONCE):
            some = gone[start : start + IDS_AT_ONCE]
            tx.execute(delete(table).where(mine, table.c.since.in_(some)))
    new = [row for since, row in wanted.items() if there.get(since) != row]
    if new:
        tx.execute(insert(table), new)


def _by_home(state: dict[str, Any], homes: Sequence[Home]) -> Iterator[dict[str, Any]]:
    """A state, cut where its resource moved: each part is a row of whose it was then."""
    if not homes:
        yield state
        return
    until = LAST if state["until"] is None else state["until"]
    for home in homes:
        since = max(state["since"], 0 if home.since is None else to_micros(home.since))
        end = min(until, LAST if home.until is None else to_micros(home.until))
        if since < end:
            ends = None if end == LAST else end
            yield {**state, "since": since, "until": ends, "organization": home.organization}


def _settle_resource(
    tx: Transaction, resource: Resource, states: Sequence[ResourceState]
) -> Resource:
    """Note on the resource what its states say of its type, its beginning and its end."""
    if not states:
        return resource
    settled = Resource(
        resource.id,
        resource.organization,
        resource.project,
        states[-1].type,
        states[0].since,
        resource.external_id,
        states[-1].until,
    )
    if settled != resource:
        tx.execute(
            update(t.resources)
            .where(t.resources.c.id == resource.id)
            .values(
                type=settled.type,
                created_at=to_micros(settled.created_at),
                deleted_at=_micros(settled.deleted_at),
            )
        )
    return settled


def _micros(instant: datetime | None) -> int | None:
    return None if instant is None else to_micros(instant)


def _plain_fields(fields: Fields) -> dict[str, Any]:
    """Fields for JSON: a number is a list of one text, so that it stays exact and no text."""
    return {
        name: [plain(value)] if isinstance(value, Decimal) else value
        for name, value in sorted(fields.items())
    }


def read_fields(fields: Mapping[str, Any]) -> dict[str, Decimal | str | bool]:
    """Fields as they are kept, as values."""
    return {
        name: Decimal(value[0]) if isinstance(value, list) else value
        for name, value in fields.items()
    }


def _resource(row: AnyRow) -> Resource:
    return Resource(
        row.id,
        row.organization,
        row.project,
        row.type,
        from_micros(row.created_at),
        row.external_id,
        None if row.deleted_at is None else from_micros(row.deleted_at),
    )


def _resident(resource: Value, project: Value, created_at: Value) -> Resident:
    return Resident(str(resource), str(project), from_micros(int(created_at)))


def life_event_from(row: AnyRow) -> LifeEvent:
    """The life event that a row holds; its id is "source id"."""
    said = json.loads(row.fields)
    return LifeEvent(
        from_micros(row.at),
        f"{row.source} {row.event}",
        row.kind,
        said["type"],
        read_fields(said["spec"]),
        read_fields(said["fields"]),
        said["running"],
    )


def _state_row(resource: Resource, state: ResourceState) -> dict[str, Any]:
    return {
        "resource": resource.id,
        "since": to_micros(state.since),
        "until": _micros(state.until),
        "organization": resource.organization,
        "type": state.type,
        "running": int(state.running),
        "fields": json.dumps(_plain_fields(state.fields), separators=(",", ":")),
    }


def _state(row: AnyRow) -> ResourceState:
    return ResourceState(
        row.resource,
        from_micros(row.since),
        None if row.until is None else from_micros(row.until),
        row.type,
        bool(row.running),
        read_fields(json.loads(row.fields)),
    )

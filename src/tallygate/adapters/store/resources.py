"""What is kept of resources, of what happened to them, and of what they were when?

It is written by `life_rows`, from the events of their lives.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from types import MappingProxyType
from typing import Any, cast

from sqlalchemy import bindparam, func, or_, select

from tallygate.accounts.life import LifeEvent
from tallygate.accounts.model import Resource, ResourceState
from tallygate.accounts.payers import Resident
from tallygate.adapters.store.bulk import among, listed, rows_at_once
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.rows import AnyRow, found, get, page, within
from tallygate.adapters.store.tables import accounts as t
from tallygate.adapters.store.walls import beyond_tenant
from tallygate.core.period import Period, from_micros, to_micros

IDS_AT_ONCE = 500

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
    for owner, resource, project, born in _residents(tx, "organization", organizations):
        residents.setdefault(owner, []).append(Resident(resource, project, born))
    left = {project for projects in former.values() for project in projects}
    if left:
        rows = _residents(tx, "project", left)
        for organization, projects in former.items():
            its = {*projects}
            mine = (row for row in rows if row[2] in its and row[0] != organization)
            added = [Resident(resource, home, born) for _, resource, home, born in mine]
            residents.setdefault(organization, []).extend(added)
    return residents


def _residents(
    tx: Transaction, column: str, values: Collection[str]
) -> list[tuple[str, str, str, int]]:
    """Who is in some organizations, or projects: (organization, resource, project, creation)."""
    asked = f"FROM resources WHERE {column} {among(tx)}"  # one of two names of ours
    found = rows_at_once(tx, _RESIDENTS, asked, (listed(values),))
    return sorted(cast("list[tuple[str, str, str, int]]", found), key=itemgetter(1))


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


def _state(row: AnyRow) -> ResourceState:
    return ResourceState(
        row.resource,
        from_micros(row.since),
        None if row.until is None else from_micros(row.until),
        row.type,
        bool(row.running),
        read_fields(json.loads(row.fields)),
    )

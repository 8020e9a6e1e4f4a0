"""What were the resources of an organization, and what were they thought to be?

All of them at once, in microseconds and in few rows: an organization may have ten thousand. What
is known now is read from the states; what was known at a position of the log is folded again,
without the life events that came after it, for those few that have any.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec
from sqlalchemy import select

from tallygate.accounts.life import LIFE_KINDS, LifeEvent, fold_life
from tallygate.accounts.model import ResourceState
from tallygate.adapters.store.bulk import rows_at_once
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.resources import life_event_from, read_fields
from tallygate.adapters.store.tables import accounts as t
from tallygate.core.period import from_micros, to_micros

FOREVER = 1 << 62
AT_ONCE = 500

Fields = Mapping[str, Decimal | str | bool]


class Resident(NamedTuple):
    """A resource with its project. Those that are deleted are residents, too."""

    resource: str
    project: str
    external_id: str | None


class Lived(NamedTuple):
    """What a resource was from `since` until `until`, in microseconds since 1970."""

    resource: str
    since: int
    until: int
    type: str
    running: bool
    fields: Fields

    def state(self) -> ResourceState:
        """The same as metering reads it."""
        until = None if self.until >= FOREVER else from_micros(self.until)
        return ResourceState(
            self.resource, from_micros(self.since), until, self.type, self.running, self.fields
        )


def residents(tx: Transaction, organization: str) -> list[Resident]:
    """An organization's resources, by id."""
    rows = rows_at_once(
        tx,
        ("id", "project", "coalesce(external_id, '')"),
        "FROM resources WHERE organization = ?",
        (organization,),
    )
    return sorted(Resident(str(who), str(where), str(name) or None) for who, where, name in rows)


def projects(tx: Transaction, organization: str) -> dict[str, str]:
    """An organization's projects: their names by id."""
    asked = "FROM projects WHERE organization = ?"
    rows = rows_at_once(tx, ("id", "name"), asked, (organization,))
    return {str(project): str(name) for project, name in sorted(rows)}


def lives(tx: Transaction, organization: str, end: int) -> list[Lived]:
    """All that an organization's resources were before an instant, in the order of time."""
    rows = rows_at_once(
        tx,
        ("resource", "since", f"coalesce(until, {FOREVER})", "type", "running", "fields"),
        "FROM resource_states WHERE organization = ? AND since < ?",
        (organization, end),
    )
    known: dict[str, Fields] = {}
    found = []
    for who, since, until, kind, running, text in rows:
        fields = known.get(str(text))
        if fields is None:
            fields = known[str(text)] = read_fields(json.loads(str(text)))
        found.append(Lived(str(who), int(since), int(until), str(kind), bool(running), fields))
    return sorted(found, key=_began)


def late_lives(
    tx: Transaction, resources: Collection[str], position: int
) -> dict[str, frozenset[str]]:
    """The life events of resources that came after a position of the log, as "source id"."""
    last = tx.exec_driver_sql("SELECT coalesce(max(seq), 0) FROM events").scalar_one()
    if last <= position or not resources:
        return {}
    document = msgspec.json.encode(sorted(resources)).decode()
    if tx.dialect.name == "postgresql":
        among = "= ANY (ARRAY(SELECT json_array_elements_text(?::json)))"
    else:
        among = "IN (SELECT value FROM json_each(?))"
    kinds = ", ".join(f"'resource.{kind}'" for kind in sorted(LIFE_KINDS))
    rows = rows_at_once(
        tx,
        ("s.subject", "o.source", "e.id"),
        "FROM streams s JOIN events e ON e.stream = s.number"
        f" JOIN origins o ON o.number = e.origin WHERE s.type IN ({kinds})"
        f" AND s.subject {among} AND e.seq > ?",
        (document, position),
    )
    found: dict[str, set[str]] = {}
    for who, source, name in rows:
        found.setdefault(str(who), set()).add(f"{source} {name}")
    return {who: frozenset(late) for who, late in found.items()}


def lives_without(tx: Transaction, late: Mapping[str, frozenset[str]]) -> Iterator[Lived]:
    """What resources would have been without some of their life events."""
    wanted: Sequence[str] = sorted(late)
    table = t.life_events
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        asked = select(table).where(table.c.resource.in_(some)).order_by(table.c.resource)
        events: dict[str, list[LifeEvent]] = {}
        for row in tx.execute(asked):
            event = life_event_from(row)
            if event.id not in late[row.resource]:
                events.setdefault(row.resource, []).append(event)
        for resource, happened in events.items():
            for state in fold_life(resource, happened):
                since = to_micros(state.since)
                until = FOREVER if state.until is None else to_micros(state.until)
                yield Lived(resource, since, until, state.type, state.running, state.fields)


def _began(lived: Lived) -> tuple[str, int]:
    return lived.resource, lived.since

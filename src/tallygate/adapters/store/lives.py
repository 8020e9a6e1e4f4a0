"""What were the resources of an organization, and what were they thought to be?

All of them at once, in microseconds and in few rows: an organization may have ten thousand. What
is known now is read from the states; what was known at a position of the log is folded again,
without the life events that came after it, for those few that have any.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import cast

from sqlalchemy import select

from tallygate.accounts.life import LIFE_KINDS, LifeEvent, fold_life
from tallygate.adapters.store.bulk import Found, among, listed, rows_at_once
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.resources import life_event_from, read_fields
from tallygate.adapters.store.tables import accounts as t
from tallygate.core.period import Period
from tallygate.metering.states import Fields, Lived, lived
from tallygate.metering.windows import FOREVER, span_of

AT_ONCE = 500
_COLUMNS = ("resource", "since", f"coalesce(until, {FOREVER})", "type", "running", "fields")


def names_of(tx: Transaction, projects: Collection[str]) -> dict[str, str]:
    """What projects are called, and the platform's own ids of the resources in them, by id."""
    if not projects:
        return {}
    them = listed(projects)
    called = rows_at_once(tx, ("id", "name"), f"FROM projects WHERE id {among(tx)}", (them,))
    own = f"FROM resources WHERE external_id IS NOT NULL AND project {among(tx)}"
    called += rows_at_once(tx, ("id", "external_id"), own, (them,))
    return {str(one): str(name) for one, name in called}


def lives(tx: Transaction, organization: str, end: int) -> list[Lived]:
    """All that an organization's resources were before an instant, in the order of time."""
    rows = rows_at_once(
        tx,
        _COLUMNS,
        "FROM resource_states WHERE organization = ? AND since < ?",
        (organization, end),
    )
    return _lives(rows)


def lives_of(tx: Transaction, resources: Collection[str], period: Period) -> list[Lived]:
    """What some resources were, overlapping a period; those of each in the order of time."""
    if not resources:
        return []
    start, end = span_of(period)
    asked = (
        "FROM resource_states WHERE since < ? AND (until IS NULL OR until > ?)"
        f" AND resource {among(tx)}"
    )
    return _lives(rows_at_once(tx, _COLUMNS, asked, (end, start, listed(resources))))


def _lives(rows: Iterable[Found]) -> list[Lived]:
    # A resource is one thing at a time: what comes after `since` decides nothing.
    found = sorted(cast("Iterable[tuple[str, int, int, str, int, str]]", rows))
    known: dict[str, Fields] = {
        text: read_fields(json.loads(text)) for text in {row[-1] for row in found}
    }
    return [
        Lived(who, since, until, kind, running == 1, known[text])
        for who, since, until, kind, running, text in found
    ]


def late_lives(
    tx: Transaction, resources: Collection[str], position: int
) -> dict[str, frozenset[str]]:
    """The life events of resources that came after a position of the log, as "source id"."""
    last = tx.exec_driver_sql("SELECT coalesce(max(seq), 0) FROM events").scalar_one()
    if last <= position or not resources:
        return {}
    kinds = ", ".join(f"'resource.{kind}'" for kind in sorted(LIFE_KINDS))
    rows = rows_at_once(
        tx,
        ("s.subject", "o.source", "e.id"),
        "FROM streams s JOIN events e ON e.stream = s.number"
        f" JOIN origins o ON o.number = e.origin WHERE s.type IN ({kinds})"
        f" AND s.subject {among(tx)} AND e.seq > ?",
        (listed(resources), position),
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
            yield from map(lived, fold_life(resource, happened))

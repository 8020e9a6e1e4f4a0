"""Which events are in the log, page by page?

In the order of their time, then of their acceptance. Each stream (a subject's events of one type)
is an index range that is already in this order, so a page of a few streams reads no more than it
shows, however many events there are.
"""

import heapq
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.events import read_content
from tallygate.adapters.store.rows import AnyRow, within
from tallygate.adapters.store.tables.usage import events, origins, streams
from tallygate.core.period import from_micros, to_micros

STREAMS_ONE_BY_ONE = 32
IDS_AT_ONCE = 5000

Place = tuple[int, int]
"""Where a page ended: the last event's time in microseconds, and its position in the log."""


class LoggedEvent(NamedTuple):
    """An event as the log has it. `timed` says that the sender gave the time.

    `organization` is whose its subject was at that time.
    """

    position: int
    organization: str
    source: str
    id: str
    type: str
    subject: str
    time: datetime
    timed: bool
    received_at: datetime
    fields: Mapping[str, object]

    @property
    def place(self) -> Place:
        """Where a page ends that ends with this event."""
        return to_micros(self.time), self.position


def page(
    tx: Transaction,
    tenant: str | None,
    *,
    subjects: Sequence[str] | None = None,
    types: Sequence[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: Place | None = None,
    limit: int = 100,
) -> tuple[LoggedEvent, ...]:
    """A tenant's events (None: everybody's) of some subjects and types, in [since, until)."""
    wanted = _streams(tx, tenant, subjects, types)
    if not wanted:
        return ()
    bounds = _bounds(since, until, after)
    asked = _asked(bounds).order_by(events.c.at, events.c.seq).limit(limit)
    found = [tx.execute(asked.where(some)).all() for some in _among(wanted)]
    merged = heapq.merge(*found, key=_place)
    return tuple(_event(row) for row, _ in zip(merged, range(limit), strict=False))


def newest(
    tx: Transaction,
    tenant: str,
    *,
    subjects: Sequence[str],
    types: Sequence[str],
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 100,
) -> tuple[LoggedEvent, ...]:
    """The last events of some subjects and types, in [since, until), the newest first."""
    asked = _asked(_bounds(since, until, None)).limit(limit)
    asked = asked.order_by(events.c.at.desc(), events.c.seq.desc())
    wanted = _streams(tx, tenant, subjects, types)
    found = [tx.execute(asked.where(some)).all() for some in _among(wanted)]
    merged = heapq.merge(*found, key=_place, reverse=True)
    return tuple(_event(row) for row, _ in zip(merged, range(limit), strict=False))


def count(
    tx: Transaction,
    tenant: str,
    *,
    subjects: Sequence[str],
    types: Sequence[str],
    since: datetime,
    until: datetime,
) -> int:
    """How many events of some subjects and types there are in [since, until)."""
    asked = select(func.count()).select_from(events).where(*_bounds(since, until, None))
    wanted = _streams(tx, tenant, subjects, types)
    return sum(tx.execute(asked.where(some)).scalar_one() for some in _among(wanted))


def find(
    tx: Transaction, tenants: Sequence[str], source: str, event_id: str, subject: str
) -> LoggedEvent | None:
    """The event with this identity, of one of the tenants that its subject had; None: none."""
    mine = and_(origins.c.organization.in_(tenants), origins.c.source == source)
    its = [mine, events.c.id == event_id, streams.c.subject == subject]
    row = tx.execute(_asked(its)).first()
    return None if row is None else _event(row)


def _streams(
    tx: Transaction,
    tenant: str | None,
    subjects: Sequence[str] | None,
    types: Sequence[str] | None,
) -> list[int]:
    asked = select(streams.c.number).where(within(streams.c.organization, tenant))
    if types is not None:
        asked = asked.where(streams.c.type.in_(types))
    if subjects is None:
        return list(tx.execute(asked).scalars())
    found: list[int] = []
    for start in range(0, len(subjects), IDS_AT_ONCE):
        some = streams.c.subject.in_(subjects[start : start + IDS_AT_ONCE])
        found += tx.execute(asked.where(some)).scalars()
    return found


def _bounds(
    since: datetime | None, until: datetime | None, after: Place | None
) -> list[ColumnElement[bool]]:
    bounds: list[ColumnElement[bool]] = []
    if since is not None:
        bounds.append(events.c.at >= to_micros(since))
    if until is not None:
        bounds.append(events.c.at < to_micros(until))
    if after is not None:
        at, seq = after
        bounds.append(events.c.at >= at)
        bounds.append(or_(events.c.at > at, and_(events.c.at == at, events.c.seq > seq)))
    return bounds


def _among(wanted: Sequence[int]) -> list[ColumnElement[bool]]:
    """The streams as questions: each alone while they are few, and then together."""
    if len(wanted) <= STREAMS_ONE_BY_ONE:
        return [events.c.stream == number for number in wanted]
    return [
        events.c.stream.in_(wanted[start : start + IDS_AT_ONCE])
        for start in range(0, len(wanted), IDS_AT_ONCE)
    ]


def _place(row: AnyRow) -> Place:
    return row.at, row.seq


def _asked(bounds: Sequence[ColumnElement[bool]]) -> Select[tuple[object, ...]]:
    return (
        select(
            events.c.seq,
            events.c.id,
            events.c.at,
            events.c.timed,
            events.c.received_at,
            events.c.content,
            streams.c.organization,
            origins.c.source,
            streams.c.type,
            streams.c.subject,
        )
        .join(origins, origins.c.number == events.c.origin)
        .join(streams, streams.c.number == events.c.stream)
        .where(*bounds)
    )


def _event(row: AnyRow) -> LoggedEvent:
    return LoggedEvent(
        position=row.seq,
        organization=row.organization,
        source=row.source,
        id=row.id,
        type=row.type,
        subject=row.subject,
        time=from_micros(row.at),
        timed=bool(row.timed),
        received_at=from_micros(row.received_at),
        fields=read_content(row.content),
    )

"""Which hints has the payment provider given, and what is to become of them?

A hint is an event of the provider's, told by webhook. It is stored once, by its id, before
anything of it is understood. Coming again changes nothing but a count.

Hints are kept beside the other writers (`Store.append`): who locks several of them does it in the
order of their ids, so that nobody waits for somebody who waits for him.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import bindparam, case, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.records import in_parts
from tallygate.adapters.store.rows import AnyRow, instant_of
from tallygate.adapters.store.tables.inbox import inbox as table
from tallygate.core.period import from_micros, to_micros

State = Literal["waiting", "settled", "foreign", "other_version"]
"""`foreign`: of the other mode, or another account. `other_version`: its fields may be others than
those that this version reads. Neither is settled from what it shows."""


class NewHint(NamedTuple):
    """A hint that has just come; `body` is what was signed."""

    id: str
    type: str
    thin: bool
    created: datetime
    api_version: str | None
    received_at: datetime
    state: State
    body: bytes


class Hint(NamedTuple):
    """A hint that is kept.

    Of its `deliveries`, `variants` had other bytes than `body`, which came first. `problem` says
    what kept it from being settled as usual.
    """

    id: str
    type: str
    thin: bool
    created: datetime
    api_version: str | None
    received_at: datetime
    state: State
    body: bytes
    deliveries: int
    variants: int
    settled_at: datetime | None = None
    problem: str | None = None


def _keeping(insert: sqlite.Insert | postgresql.Insert) -> ReturningInsert[tuple[str, int]]:
    differs = case((table.c.body != insert.excluded.body, 1), else_=0)
    again = {"deliveries": table.c.deliveries + 1, "variants": table.c.variants + differs}
    counted = insert.on_conflict_do_update(index_elements=[table.c.id], set_=again)
    return counted.returning(table.c.id, table.c.deliveries)


_KEEP = {
    "sqlite": _keeping(sqlite.insert(table)),
    "postgresql": _keeping(postgresql.insert(table)),
}
_HELD = (
    select(table.c.id)
    .where(table.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(table.c.id)
    .with_for_update()
)
_IS_FOREIGN = table.c.id.in_(bindparam("foreign", expanding=True))
_SETTLE = (
    update(table)
    .where(table.c.id.in_(_HELD))
    .values(
        state=case((_IS_FOREIGN, "foreign"), else_="settled"),
        settled_at=bindparam("instant"),
    )
)
_NOTE = update(table).where(table.c.id == bindparam("of")).values(problem=bindparam("stands"))
_ONE = select(table).where(table.c.id == bindparam("wanted"))
_WAITING = (
    select(table)
    .where(table.c.state == "waiting")
    .order_by(table.c.received_at, table.c.id)
    .limit(bindparam("most"))
)
_BEFORE = _WAITING.where(table.c.received_at < bindparam("instant"))
_FORGETTABLE = (
    select(table.c.id)
    .where(
        table.c.state.in_(("settled", "foreign")),
        func.coalesce(table.c.settled_at, table.c.received_at) < bindparam("instant"),
    )
    .order_by(table.c.id)
    .with_for_update()
)
_PRUNE = delete(table).where(table.c.id.in_(_FORGETTABLE))
_COUNTS = select(table.c.state, func.count().label("hints")).group_by(table.c.state)


def keep(tx: Transaction, hints: Sequence[NewHint]) -> list[bool]:
    """Store hints that came together; whether each is new.

    One that is known, from before or from among them, is counted, and stays as it came first.
    """
    first: dict[str, NewHint] = {}
    for hint in hints:
        first.setdefault(hint.id, hint)
    rows = [_row(first[id_]) for id_ in sorted(first)]
    kept = tx.execute(_KEEP[tx.dialect.name], rows).all() if rows else []
    new = {row.id for row in kept if row.deliveries == 1}
    again = [hint for hint in hints if hint is not first[hint.id]]
    if again:
        keep(tx, again)
    return [hint.id in new and hint is first[hint.id] for hint in hints]


def find(tx: Transaction, hint_id: str) -> Hint | None:
    """The hint with this id, if it has come."""
    row = tx.execute(_ONE, {"wanted": hint_id}).first()
    return None if row is None else _hint(row)


def waiting(tx: Transaction, most: int) -> tuple[Hint, ...]:
    """The hints that are to be settled, those that came first before the others."""
    return tuple(map(_hint, tx.execute(_WAITING, {"most": most})))


def settle(
    tx: Transaction,
    ids: Collection[str],
    at: datetime,
    *,
    foreign: Collection[str] = (),
    problems: Mapping[str, str] | None = None,
) -> None:
    """Note that hints are done with, that some were foreign, and what was wrong with some of them.

    Who brings one of them again has to wait from here on until the transaction ends: end it soon.
    """
    for part in in_parts(sorted(ids)):
        strange = [id_ for id_ in part if id_ in foreign]
        tx.execute(_SETTLE, {"ids": part, "foreign": strange, "instant": to_micros(at)})
    for id_, problem in (problems or {}).items():
        tx.execute(_NOTE, {"of": id_, "stands": problem})


def unsettled_before(tx: Transaction, instant: datetime, most: int = 100) -> tuple[Hint, ...]:
    """The hints that came before an instant and are still to be settled, oldest first."""
    asked = {"instant": to_micros(instant), "most": most}
    return tuple(map(_hint, tx.execute(_BEFORE, asked)))


def prune(tx: Transaction, before: datetime) -> int:
    """Delete hints that were done with before an instant; gives how many."""
    return tx.execute(_PRUNE, {"instant": to_micros(before)}).rowcount


def counts(tx: Transaction) -> Mapping[str, int]:
    """How many hints there are in each state; states without any are left out."""
    return {row.state: row.hints for row in tx.execute(_COUNTS)}


def _row(hint: NewHint) -> dict[str, Any]:
    return hint._asdict() | {
        "thin": int(hint.thin),
        "created": to_micros(hint.created),
        "received_at": to_micros(hint.received_at),
        "deliveries": 1,
        "variants": 0,
    }


def _hint(row: AnyRow) -> Hint:
    return Hint(
        row.id,
        row.type,
        bool(row.thin),
        from_micros(row.created),
        row.api_version,
        from_micros(row.received_at),
        row.state,
        bytes(row.body),
        row.deliveries,
        row.variants,
        instant_of(row.settled_at),
        row.problem,
    )

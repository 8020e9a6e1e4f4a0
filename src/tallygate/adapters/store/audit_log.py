"""Who did what to whose billing, and has anybody tampered with the record of it?

Entries are numbered without a gap and are never changed or deleted. Each one's hash covers the
hash before it, so whoever changes, takes out or adds an entry in the middle must write every later
hash anew. What is cut off at the end leaves no trace here: keep the last hash elsewhere.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, insert, select

from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.rows import AnyRow, within
from tallygate.adapters.store.tables.audit_log import audit_log as table
from tallygate.adapters.store.walls import beyond_tenant
from tallygate.core.period import from_micros, to_micros

NOTHING = "0" * 64
"""Stands for the hash before the first entry."""
AT_ONCE = 1000

_ADD = insert(table)
_LAST = select(table.c.number, table.c.hash).order_by(table.c.number.desc()).limit(1)
_NEXT = (
    select(table)
    .where(table.c.number > bindparam("after"))
    .order_by(table.c.number)
    .limit(bindparam("most"))
)
_HASHED = (
    *("number", "at", "actor", "organization", "billing_account"),
    *("operation", "subject", "detail"),
)


class Entry(NamedTuple):
    """An operation: who (`actor`) did what (`operation`) to what (`subject`), for which tenant."""

    at: datetime
    actor: str
    operation: str
    subject: str
    organization: str | None = None
    billing_account: str | None = None
    detail: Mapping[str, Any] = {}


class Kept(NamedTuple):
    """An entry that is kept, under its number."""

    number: int
    entry: Entry
    hash: str


def append(tx: Transaction, entry: Entry) -> int:
    """Add an entry at the end; gives its number."""
    return append_all(tx, [entry])


def append_all(tx: Transaction, entries: Sequence[Entry]) -> int:
    """Add entries at the end, in their order; gives the number of the last one."""
    with beyond_tenant(tx):
        last = tx.execute(_LAST).first()
    number, before = (0, NOTHING) if last is None else (last.number, last.hash)
    rows = []
    for number, entry in enumerate(entries, number + 1):  # noqa: B020  # counts on from the last
        row = _row(number, entry)
        before = _hash(before, row)
        rows.append(row | {"hash": before})
    if rows:
        tx.execute(_ADD, rows)
    return number


def _row(number: int, entry: Entry) -> dict[str, Any]:
    return {
        "number": number,
        "at": to_micros(entry.at),
        "actor": entry.actor,
        "organization": entry.organization,
        "billing_account": entry.billing_account,
        "operation": entry.operation,
        "subject": entry.subject,
        "detail": _canonical(entry.detail),
    }


def verify(tx: Transaction) -> int | None:
    """The number of the first entry that is missing, or is not what it was; None: all is well."""
    before, after = NOTHING, 0
    while rows := tx.execute(_NEXT, {"after": after, "most": AT_ONCE}).all():
        for number, row in enumerate(rows, after + 1):
            if row.hash != _hash(before, row._asdict()):
                return number
            before = row.hash
        after += len(rows)
    return None


def page(
    tx: Transaction, organization: str | None, after: int = 0, limit: int = 100
) -> tuple[Kept, ...]:
    """The entries of an organization (None: all, those without one too) after a number."""
    its = within(table.c.organization, organization)
    asked = select(table).where(table.c.number > after, its)
    return tuple(map(_kept, tx.execute(asked.order_by(table.c.number).limit(limit))))


def _hash(before: str, row: Mapping[str, Any]) -> str:
    said = [row[name] for name in _HASHED]
    return hashlib.sha256(f"{before}{_canonical(said)}".encode()).hexdigest()


def _canonical(value: object) -> str:
    """The one JSON text of a value."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def _kept(row: AnyRow) -> Kept:
    entry = Entry(
        from_micros(row.at),
        row.actor,
        row.operation,
        row.subject,
        row.organization,
        row.billing_account,
        json.loads(row.detail),
    )
    return Kept(row.number, entry, row.hash)

"""How far have we read at the payment provider, and how often did we ask it on which day?"""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from sqlalchemy import insert, select, update

from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.tables.provider_state import provider_calls as calls
from tallygate.adapters.store.tables.provider_state import provider_state as table


class Calls(NamedTuple):
    """How many questions and how many changes the provider was asked for."""

    reads: int
    writes: int


def get(tx: Transaction, name: str) -> str | None:
    """The text that is kept under a name, if one is."""
    found: str | None = tx.execute(select(table.c.value).where(table.c.name == name)).scalar()
    return found


def put(tx: Transaction, name: str, value: str) -> None:
    """Keep a text under a name, in place of what is there."""
    if tx.execute(update(table).where(table.c.name == name).values(value=value)).rowcount == 0:
        tx.execute(insert(table), {"name": name, "value": value})


def add_calls(tx: Transaction, day: date, reads: int, writes: int) -> None:
    """Count calls that were made on a day (in UTC)."""
    more = {"reads": calls.c.reads + reads, "writes": calls.c.writes + writes}
    known = tx.execute(update(calls).where(calls.c.day == day.isoformat()).values(more))
    if known.rowcount == 0:
        row = {"day": day.isoformat(), "reads": reads, "writes": writes}
        tx.execute(insert(calls), row)


def calls_since(tx: Transaction, day: date) -> Mapping[date, Calls]:
    """The calls of each day from this one on; days without any are left out."""
    asked = select(calls).where(calls.c.day >= day.isoformat()).order_by(calls.c.day)
    return {date.fromisoformat(row.day): Calls(row.reads, row.writes) for row in tx.execute(asked)}

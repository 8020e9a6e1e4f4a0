"""What was answered to a request that may come again?

A row is written when a request with an `Idempotency-Key` begins, and gets its answer when it ends.
Keys belong to the caller that sent them.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, insert, select, update

from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.tables.keys import idempotency_keys as table
from tallygate.core.period import from_micros, to_micros


class Answered(NamedTuple):
    """A request that began. Without a status it has not ended."""

    request: str
    began_at: datetime
    status: int | None
    answer: str | None


def find_request(tx: Transaction, caller: str, key: str) -> Answered | None:
    """The request that came with this key from this caller."""
    row = tx.execute(
        select(table.c.request, table.c.created_at, table.c.status, table.c.answer).where(
            table.c.caller == caller, table.c.key == key
        )
    ).first()
    if row is None:
        return None
    return Answered(row.request, from_micros(row.created_at), row.status, row.answer)


def save_request(tx: Transaction, caller: str, key: str, request: str, at: datetime) -> None:
    """Note that a request begins; one with the same key that was given up is replaced."""
    forget_request(tx, caller, key)
    row = {"caller": caller, "key": key, "request": request, "created_at": to_micros(at)}
    tx.execute(insert(table), row)


def save_answer(tx: Transaction, caller: str, key: str, status: int, answer: str) -> None:
    """Note how the request ended."""
    tx.execute(
        update(table)
        .where(table.c.caller == caller, table.c.key == key)
        .values(status=status, answer=answer)
    )


def forget_request(tx: Transaction, caller: str, key: str) -> None:
    """Let the key be used again: nothing came of the request."""
    tx.execute(delete(table).where(table.c.caller == caller, table.c.key == key))


def forget_before(tx: Transaction, at: datetime) -> None:
    """Forget the requests that began before an instant."""
    tx.execute(delete(table).where(table.c.created_at < to_micros(at)))

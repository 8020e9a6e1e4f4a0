"""Which installation does this database belong to, and what is its secret?

One row, written by the first workflow that needs it. The epoch rises after a restore or a clone.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import insert, select

from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.tables.installation import installation as table
from tallygate.core.period import to_micros

_IDENTITY = select(table.c.id, table.c.epoch, table.c.secret)


class Identity(NamedTuple):
    """Who this installation is. `secret` keys the hashes of API keys."""

    id: str
    epoch: int
    secret: str

    def __repr__(self) -> str:
        return f"Identity(id={self.id!r}, epoch={self.epoch}, secret=***)"


def identity(tx: Transaction) -> Identity | None:
    """The installation's identity; nothing where it was not needed yet."""
    row = tx.execute(_IDENTITY).first()
    return None if row is None else Identity(*row)


def found_installation(tx: Transaction, name: str, secret: str, at: datetime) -> Identity:
    """Write the identity of a new installation."""
    row = {"id": name, "epoch": 1, "secret": secret, "created_at": to_micros(at)}
    tx.execute(insert(table), row)
    return Identity(name, 1, secret)

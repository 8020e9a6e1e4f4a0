"""Which installation does this database belong to, and what is its secret?

One row, written by the first workflow that needs it. The epoch rises after a restore or a clone.
The sender is shut then: nothing goes to the payment provider until what it holds has been read.
The witness is the last id that was written outside: a database that does not know it is a copy of
an earlier day.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import insert, select, update

from tallygate.adapters.store import provider_state
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.tables.installation import installation as table
from tallygate.core.period import to_micros

_SENDER, _WITNESS = "sender", "witness"
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


def raise_epoch(tx: Transaction) -> None:
    """Begin the epoch after a restore or a clone."""
    tx.execute(update(table).values(epoch=table.c.epoch + 1))


def shut_sender(tx: Transaction) -> None:
    """Let nothing go to the payment provider from now on."""
    provider_state.put(tx, _SENDER, "shut")


def open_sender(tx: Transaction) -> None:
    """Let what is to go to the payment provider go."""
    provider_state.put(tx, _SENDER, "open")


def sender_is_open(tx: Transaction) -> bool:
    """Whether anything may go to the payment provider."""
    return provider_state.get(tx, _SENDER) != "shut"


def note_witness(tx: Transaction, written: str) -> None:
    """Note the id that was written outside last."""
    provider_state.put(tx, _WITNESS, written)


def witness(tx: Transaction) -> str | None:
    """The id that was written outside last, if one was."""
    return provider_state.get(tx, _WITNESS)

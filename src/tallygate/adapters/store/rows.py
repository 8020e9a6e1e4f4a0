"""How is one row found, and a page of them, within a tenant?

`tenant` is the organization that asks; None is the platform, which sees all. Writers are alone, so
to look whether something is taken and then to write it is safe; nothing here relies on the
database to refuse, which would end a Postgres transaction.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Select, Table, select, true

from tallygate.adapters.store.engine import Transaction
from tallygate.core.errors import Conflict, NotFound

AnyRow = Row[Any]


def within(column: Column[Any], tenant: str | None) -> ColumnElement[bool]:
    """The condition that a row is the tenant's."""
    return true() if tenant is None else column == tenant


def get(tx: Transaction, table: Table, row_id: str, tenant: str | None) -> AnyRow | None:
    """The tenant's row with this id, if there is one."""
    return tx.execute(
        select(table).where(table.c.id == row_id, within(table.c.organization, tenant))
    ).first()


def listed(
    tx: Transaction, table: Table, tenant: str | None, after: str | None, limit: int
) -> Sequence[AnyRow]:
    """A page of the tenant's rows, in the order of their ids."""
    return tx.execute(
        page(select(table).where(within(table.c.organization, tenant)), table, after, limit)
    ).all()


def page(question: Select[Any], table: Table, after: str | None, limit: int) -> Select[Any]:
    """A question, asked for a page: what comes after an id."""
    if after is not None:
        question = question.where(table.c.id > after)
    return question.order_by(table.c.id).limit(limit)


def found(row: AnyRow | None, noun: str, row_id: str) -> AnyRow:
    """The row, if there is one.

    Raises:
        NotFound: there is none that the asker may see.
    """
    if row is None:
        raise NotFound(f"There is no {noun} {row_id[:128]!r}.")
    return row


def refuse_taken(
    tx: Transaction, table: Table, *conditions: ColumnElement[bool], sentence: str, param: str
) -> None:
    """Make sure that no row meets the conditions.

    Raises:
        Conflict: one does.
    """
    if tx.execute(select(true()).select_from(table).where(*conditions).limit(1)).first():
        raise Conflict(sentence, param=param)

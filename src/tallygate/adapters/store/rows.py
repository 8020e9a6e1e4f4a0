"""How is one row found, and a page of them, within a tenant, and how are rows read?

`tenant` is the organization that asks; None is the platform, which sees all. Writers are alone, so
to look whether something is taken and then to write it is safe; nothing here relies on the
database to refuse, which would end a Postgres transaction.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Select, Table, bindparam, select, true

from tallygate.adapters.store.engine import Transaction
from tallygate.core.errors import Conflict, NotFound
from tallygate.core.period import from_micros, to_micros

AnyRow = Row[Any]


def within(column: Column[Any], owner: str | None) -> ColumnElement[bool]:
    """The condition that a row is a tenant's, or an account's; None: anybody's."""
    return true() if owner is None else column == owner


def get(tx: Transaction, table: Table, row_id: str, tenant: str | None) -> AnyRow | None:
    """The tenant's row with this id, if there is one."""
    if tenant is None:
        return tx.execute(_by_id(table), {"row_id": row_id}).first()
    return tx.execute(_owned(table), {"row_id": row_id, "tenant": tenant}).first()


@lru_cache(maxsize=64)
def _by_id(table: Table) -> Select[Any]:
    """The question for a row by its id; making it anew each time would take longer than asking."""
    return select(table).where(table.c.id == bindparam("row_id"))


@lru_cache(maxsize=64)
def _owned(table: Table) -> Select[Any]:
    return _by_id(table).where(table.c.organization == bindparam("tenant"))


def listed(
    tx: Transaction,
    table: Table,
    tenant: str | None,
    after: str | None,
    limit: int,
    *conditions: ColumnElement[bool],
) -> Sequence[AnyRow]:
    """A page of the tenant's rows that meet the conditions, in the order of their ids."""
    question = select(table).where(within(table.c.organization, tenant), *conditions)
    return tx.execute(page(question, table, after, limit)).all()


def by_owner(rows: Iterable[AnyRow], column: str) -> dict[str, list[AnyRow]]:
    """Rows that come in the order of a column, under each of its values."""
    return {owner: list(own) for owner, own in groupby(rows, attrgetter(column))}


def micros_of(instant: datetime | None) -> int | None:
    """An instant as it is kept, if there is one."""
    return None if instant is None else to_micros(instant)


def instant_of(micros: int | None) -> datetime | None:
    """The instant that is kept, if there is one."""
    return None if micros is None else from_micros(micros)


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

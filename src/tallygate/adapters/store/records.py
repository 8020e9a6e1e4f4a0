"""How is a flat record kept? As a row whose columns bear the names of the record's fields.

What the columns hold follows from the types of the fields: instants are microseconds, truths 0 or
1, structures JSON; a period is two columns, `..._start` and `..._end`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from types import UnionType
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from sqlalchemy import ColumnElement, Select, Table, bindparam, insert, select, update

from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.rows import AnyRow, get, listed
from tallygate.core.period import Period, from_micros, to_micros

Record = TypeVar("Record")

IN_ONE_QUESTION = 10_000
"""SQLite takes 32,766 parameters in one statement."""

_encode = msgspec.json.Encoder(order="sorted").encode


class Records(Generic[Record]):
    """A table, and the frozen dataclass that each of its rows is."""

    def __init__(self, table: Table, kind: type[Record]) -> None:
        self.table = table
        self.kind = kind
        self._types = {name: _plain(hint) for name, hint in get_type_hints(kind).items()}
        self._key = [column.name for column in table.primary_key]
        # Made once: making a statement takes longer than carrying it out.
        self._add = insert(table)
        self._change = (
            update(table)
            .where(*(column == bindparam(f"old_{column.name}") for column in table.primary_key))
            .values({column.name: bindparam(f"new_{column.name}") for column in table.columns})
        )
        self._names = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # dataclass

    def add(self, tx: Transaction, record: Record) -> None:
        """Keep a new record."""
        tx.execute(self._add, self._row(record))

    def add_all(self, tx: Transaction, records: Sequence[Record]) -> None:
        """Keep new records in one statement."""
        if records:
            tx.execute(self._add, [self._row(record) for record in records])

    def save(self, tx: Transaction, record: Record) -> None:
        """Keep a changed record; it must be there under its primary key."""
        changed = tx.execute(self._change, self._changed(record))
        assert changed.rowcount == 1, f"there is no row of {self.table.name} for {record}"

    def save_all(self, tx: Transaction, records: Sequence[Record]) -> None:
        """Keep changed records in one statement; each must be there under its primary key."""
        if not records:
            return
        changed = tx.execute(self._change, [self._changed(record) for record in records])
        assert changed.rowcount == len(records), f"some of {records} are no rows"

    def get(self, tx: Transaction, id_: str, organization: str | None) -> Record | None:
        """The record with this id; None where it is not there, or not the organization's."""
        row = get(tx, self.table, id_, organization)
        return None if row is None else self._record(row)

    def page(
        self,
        tx: Transaction,
        organization: str | None,
        after: str | None,
        limit: int,
        *conditions: ColumnElement[bool],
    ) -> tuple[Record, ...]:
        """An organization's records (None: everybody's) by id, those that come after one."""
        found = listed(tx, self.table, organization, after, limit, *conditions)
        return tuple(map(self._record, found))

    def first(self, tx: Transaction, *conditions: ColumnElement[bool]) -> Record | None:
        """A record that meets the conditions, where at most one does."""
        row = tx.execute(self.where(*conditions).limit(1)).first()
        return None if row is None else self._record(row)

    def all(
        self, tx: Transaction, asked: Select[Any], values: Mapping[str, Any] | None = None
    ) -> tuple[Record, ...]:
        """The records that a question of whole rows finds, with the values that it leaves open."""
        return tuple(map(self._record, tx.execute(asked, values)))

    def where(self, *conditions: ColumnElement[bool]) -> Select[Any]:
        """The question for whole rows that meet the conditions."""
        return select(self.table).where(*conditions)

    def _changed(self, record: Record) -> dict[str, Any]:
        row = self._row(record)
        new = {f"new_{name}": value for name, value in row.items()}
        return new | {f"old_{name}": row[name] for name in self._key}

    def _row(self, record: Record) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for name in self._names:
            value = getattr(record, name)
            if isinstance(value, Period):
                row[f"{name}_start"] = to_micros(value.start)
                row[f"{name}_end"] = to_micros(value.end)
            else:
                row[name] = _kept(value)
        return row

    def _record(self, row: AnyRow) -> Record:
        return self.kind(**{name: self._value(row, name) for name in self._names})

    def _value(self, row: AnyRow, name: str) -> Any:
        kind = self._types[name]
        if kind is Period:
            start, end = (getattr(row, f"{name}_{side}") for side in ("start", "end"))
            return Period(from_micros(start), from_micros(end))
        kept = getattr(row, name)
        if kept is None:
            return None
        if kind is datetime:
            return from_micros(kept)
        if kind is bool:
            return bool(kept)
        if get_origin(kind) in {tuple, Mapping}:
            return msgspec.json.decode(kept, type=kind)
        return kept


def in_parts(values: Sequence[str]) -> list[Sequence[str]]:
    """The values in parts, each of which fits into one question."""
    starts = range(0, len(values), IN_ONE_QUESTION)
    return [values[start : start + IN_ONE_QUESTION] for start in starts]


def _kept(value: Any) -> Any:
    if isinstance(value, datetime):
        return to_micros(value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, tuple | Mapping):
        return _encode(value).decode()
    return value


def _plain(hint: Any) -> Any:
    """The type of a field, without the None that it may be too."""
    if isinstance(hint, UnionType):
        return next(kind for kind in get_args(hint) if kind is not type(None))
    return hint

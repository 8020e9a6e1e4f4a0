"""How do thousands of rows go in, or come out, in one step?

Row by row is too slow on both engines, and worse within a busy server: Python's driver for SQLite
lets go of the interpreter at every row, and waits for its turn again. So rows go in by statements
with many rows, and what was looked up comes back as one. Postgres takes whole columns, as arrays.

Texts of SQL are put together here, from names of tables and columns that stand in our code; what
comes from outside is a parameter, always.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import msgspec

from tallygate.adapters.store.engine import Transaction

Value = int | str
Row = Sequence[Value | None]
Found = tuple[Value, ...]

MAX_PARAMETERS = 32_000
"""SQLite takes 32,766 in one statement."""

ARRAYS = {int: "%s::bigint[]", str: "%s::text[]"}

_ENCODE = msgspec.json.Encoder().encode
_DECODE_ROWS = msgspec.json.Decoder(list[tuple[int | str, ...]])
_DECODE_COLUMNS = msgspec.json.Decoder(list[list[int | str]])


@dataclass(frozen=True)
class Insert:
    """Rows for one table: its columns with their types, and what to do where a row is there."""

    table: str
    columns: tuple[tuple[str, type], ...]
    otherwise: str

    @cached_property
    def _head(self) -> str:
        return f"INSERT INTO {self.table} ({', '.join(name for name, _ in self.columns)})"

    @cached_property
    def _whole(self) -> str:
        arrays = ", ".join(ARRAYS[kind] for _, kind in self.columns)
        rows = f"SELECT * FROM unnest({arrays})"  # noqa: S608 the casts are ours
        return f"{self._head} {rows} {self.otherwise}"

    def run(self, tx: Transaction, rows: Sequence[Row]) -> None:
        """Insert all rows, in as few statements as the engine allows."""
        if not rows:
            return
        if tx.dialect.name == "postgresql":
            tx.exec_driver_sql(self._whole, tuple(as_arrays(self.columns, rows)))
            return
        marks = f"({', '.join('?' * len(self.columns))})"
        for part in _parts(rows, MAX_PARAMETERS // len(self.columns)):
            values = ", ".join([marks] * len(part))
            statement = f"{self._head} VALUES {values} {self.otherwise}"
            tx.exec_driver_sql(statement, tuple(chain.from_iterable(part)))


@dataclass(frozen=True)
class Lookup:
    """Rows of one table by a key of several columns: which columns are asked for, and given."""

    table: str
    key: tuple[tuple[str, type], ...]
    wanted: tuple[str, ...]

    @cached_property
    def _arrays(self) -> str:
        arrays = ", ".join(ARRAYS[kind] for _, kind in self.key)
        names = ", ".join(f"k{place}" for place in range(len(self.key)))
        equal = " AND ".join(f"t.{name} = k{place}" for place, (name, _) in enumerate(self.key))
        wanted = ", ".join(f"t.{name}" for name in self.wanted)
        # OFFSET 0 keeps each key a question of its own, for the index to answer: a planner that
        # takes the table for small would read all of it, dead rows included, for every group.
        found = f"SELECT {wanted} FROM {self.table} t WHERE {equal} OFFSET 0"  # noqa: S608 our names
        keys = f"unnest({arrays}) AS keys({names})"
        return f"SELECT found.* FROM {keys} CROSS JOIN LATERAL ({found}) AS found"  # noqa: S608 same

    @cached_property
    def _pairs(self) -> tuple[str, str]:
        wanted = ", ".join(f"t.{name}" for name in self.wanted)
        equal = " AND ".join(
            f"t.{name} = keys.column{place}" for place, (name, _) in enumerate(self.key, 1)
        )
        start = f"SELECT json_group_array(json_array({wanted}))"
        return f"{start} FROM (VALUES ", f") AS keys CROSS JOIN {self.table} t ON {equal}"

    def run(self, tx: Transaction, keys: Iterable[Row]) -> list[Found]:
        """The rows that are there, in no particular order."""
        listed = list(keys)
        if not listed:
            return []
        if tx.dialect.name == "postgresql":
            return _rows_of(tx, self._arrays, tuple(as_arrays(self.key, listed)))
        start, end = self._pairs
        marks = f"({', '.join('?' * len(self.key))})"
        rows: list[Found] = []
        for part in _parts(listed, MAX_PARAMETERS // len(self.key)):
            statement = start + ", ".join([marks] * len(part)) + end
            values = tuple(chain.from_iterable(part))
            rows += _DECODE_ROWS.decode(tx.exec_driver_sql(statement, values).scalar_one())
        return rows


@dataclass(frozen=True)
class Delete:
    """Rows of one table that go, by a key of several columns."""

    table: str
    key: tuple[tuple[str, type], ...]

    @cached_property
    def _arrays(self) -> str:
        arrays = ", ".join(ARRAYS[kind] for _, kind in self.key)
        names = ", ".join(f"k{place}" for place in range(len(self.key)))
        equal = " AND ".join(f"t.{name} = k{place}" for place, (name, _) in enumerate(self.key))
        keys = f"unnest({arrays}) AS keys({names})"
        return f"DELETE FROM {self.table} t USING {keys} WHERE {equal}"  # noqa: S608 our names

    def run(self, tx: Transaction, keys: Sequence[Row]) -> None:
        """Delete the rows with these keys, in as few statements as the engine allows."""
        if not keys:
            return
        if tx.dialect.name == "postgresql":
            tx.exec_driver_sql(self._arrays, tuple(as_arrays(self.key, keys)))
            return
        columns = ", ".join(name for name, _ in self.key)
        marks = f"({', '.join('?' * len(self.key))})"
        for part in _parts(keys, MAX_PARAMETERS // len(self.key)):
            listed_keys = ", ".join([marks] * len(part))
            condition = f"({columns}) IN (VALUES {listed_keys})"
            statement = f"DELETE FROM {self.table} WHERE {condition}"  # noqa: S608 our names
            tx.exec_driver_sql(statement, tuple(chain.from_iterable(part)))


def rows_at_once(
    tx: Transaction, wanted: Sequence[str], rest: str, parameters: Sequence[Value]
) -> list[Found]:
    """The rows of a query `SELECT wanted rest`, in no particular order.

    `rest` marks its parameters with `?`.
    """
    columns = ", ".join(wanted)
    if tx.dialect.name == "postgresql":
        return _rows_of(tx, f"SELECT {columns} {rest.replace('?', '%s')}", tuple(parameters))
    lists = ", ".join(f"json_group_array({column})" for column in wanted)
    statement = f"SELECT json_array({lists}) {rest}"
    document = tx.exec_driver_sql(statement, tuple(parameters)).scalar_one()
    return list(zip(*_DECODE_COLUMNS.decode(document), strict=True))


def among(tx: Transaction) -> str:
    """The condition that a text is one of those whose list is the next parameter, for `?`."""
    if tx.dialect.name == "postgresql":
        return "= ANY (ARRAY(SELECT json_array_elements_text(?::json)))"
    return "IN (SELECT value FROM json_each(?))"


def listed(texts: Iterable[str]) -> str:
    """Some texts as the parameter that `among` reads: in order, and each once."""
    once = dict.fromkeys(texts)  # keeps their order: they are sorted mostly, and so soon again
    return _ENCODE(sorted(once)).decode()


def _rows_of(tx: Transaction, statement: str, parameters: tuple[Value, ...]) -> list[Found]:
    """The driver's own rows: SQLAlchemy's are dearer, and these queries know their columns."""
    result = tx.exec_driver_sql(statement, parameters)
    rows: list[Found] = list(result.cursor.fetchall())
    result.close()
    return rows


def as_arrays(columns: Sequence[tuple[str, type]], rows: Sequence[Row]) -> Iterator[str]:
    """The columns of rows as array literals of Postgres."""
    for (_, kind), values in zip(columns, zip(*rows, strict=True), strict=True):
        if kind is int:
            numbers = ",".join(map(str, values)).replace("None", "NULL")
            yield "{%s}" % numbers  # noqa: UP031  # braces are the literal's
        else:
            yield _text_array(values)


def _text_array(values: Sequence[str | None]) -> str:
    texts = [value for value in values if value is not None]
    if len(texts) < len(values):
        parts = ("NULL" if value is None else _text_array((value,))[1:-1] for value in values)
        return "{" + ",".join(parts) + "}"
    # No text that is stored holds a NUL, so it can stand between them until all are quoted.
    joined = "\0".join(texts).replace("\\", "\\\\").replace('"', '\\"').replace("\0", '","')
    return '{"' + joined + '"}'


def _parts(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    """The rows in parts of a few sizes, so that few statements have to be prepared."""
    start, left = 0, len(rows)
    while left:
        size = min(size, 1 << (left.bit_length() - 1)) if left < size else size
        yield rows[start : start + size]
        start, left = start + size, left - size

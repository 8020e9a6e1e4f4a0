"""How is an event put into the log, once?

Rows are numbered in the order of acceptance and never change. Whether an identity is there is
decided by the unique index, in the same transaction in which the row's effect is written.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.exc import DBAPIError

from tallygate.adapters.store.bulk import Insert, Lookup, as_arrays
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.walls import beyond_tenant

Identity = tuple[str, int]
"""An event's id and the number of its origin: the tenant with the source."""


NewEvent = tuple[int, str, int, int, int, int, int, str]
"""A row of the log: seq, id, origin, stream, at, timed, received_at, content.

Times are microseconds since 1970. `timed` is 0 where the sender gave no time, so that `at` is the
arrival and no content.
"""


class StoredEvent(NamedTuple):
    """What the log has under an identity: its content."""

    stream: int
    at: int
    timed: int
    content: str


_APPEND = Insert(
    "events",
    (
        ("seq", int),
        ("id", str),
        ("origin", int),
        ("stream", int),
        ("at", int),
        ("timed", int),
        ("received_at", int),
        ("content", str),
    ),
    "ON CONFLICT (id, origin) DO NOTHING",
)
_ADDED = "SELECT group_concat(seq) FROM events WHERE seq BETWEEN ? AND ?"
_COPY = "COPY events (seq, id, origin, stream, at, timed, received_at, content) FROM STDIN"
_LINE = "%d\t%s\t%d\t%d\t%d\t%d\t%d\t%s\n"
_IDENTITY = (("seq", int), ("id", str), ("origin", int))
_THERE = (
    "SELECT string_agg(seq::text, ',')"
    " FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) AS k(seq, id, origin) WHERE EXISTS"
    " (SELECT FROM events e WHERE e.id = k.id AND e.origin = k.origin OFFSET 0)"
)
_STORED = Lookup(
    "events",
    (("id", str), ("origin", int)),
    ("id", "origin", "stream", "at", "timed", "content"),
)
_PRESENT = Lookup("events", (("id", str), ("origin", int)), ("id", "origin"))
_ORIGINS = Lookup(
    "origins", (("organization", str), ("source", str)), ("organization", "source", "number")
)
_NEW_ORIGINS = Insert("origins", (("number", int), ("organization", str), ("source", str)), "")
_STREAMS = Lookup(
    "streams",
    (("subject", str), ("type", str), ("organization", str)),
    ("organization", "subject", "type", "number"),
)
_ABOUT = Lookup("streams", (("number", int),), ("number", "subject", "type"))
_NEW_STREAMS = Insert(
    "streams", (("number", int), ("organization", str), ("subject", str), ("type", str)), ""
)
_SUBJECTS = Lookup("subjects", (("alias", str),), ("alias", "organization", "subject"))

_encoder = msgspec.json.Encoder(order="deterministic", decimal_format="number")
_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


def write_contents(contents: Sequence[Mapping[str, object]]) -> list[str]:
    """Events' fields as the log keeps them: keys in order, numbers as they were written."""
    # One call for all; within a text JSON writes a line's end as \\n.
    return _encoder.encode_lines(contents).decode().split("\n")[:-1]


def read_content(content: str) -> dict[str, Any]:
    """The fields out of the log; numbers with a fraction are decimals."""
    return _decoder.decode(content)


def last_position(tx: Transaction) -> int:
    """The number of the newest event; 0 where there is none."""
    return int(tx.exec_driver_sql("SELECT coalesce(max(seq), 0) FROM events").scalar_one())


def append(tx: Transaction, rows: Sequence[NewEvent]) -> set[int]:
    """Add events, and give the numbers of those that are NOT added: their identity is there.

    `rows` are numbered without a gap, from `last_position` + 1.
    """
    if not rows:
        return set()
    if tx.dialect.name == "postgresql":
        there = _repeated(tx, rows)
        _copy(tx, [row for row in rows if row[0] not in there])
        return there
    _APPEND.run(tx, rows)
    start = rows[0][0]
    added = _numbers(tx, _ADDED, (start, rows[-1][0]))
    if len(added) == len(rows):
        return set()
    return set(range(start, start + len(rows))).difference(added)


def stored(tx: Transaction, identities: Iterable[Identity]) -> dict[Identity, StoredEvent]:
    """What the log has under these identities."""
    found = _STORED.run(tx, identities)
    return {(row[0], row[1]): StoredEvent(*row[2:]) for row in found}  # type: ignore[misc, arg-type]  # as the columns are


def number_origins(
    tx: Transaction, wanted: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """The numbers of (organization, source), new ones included."""
    asked = set(wanted)
    numbers = {(str(org), str(source)): int(n) for org, source, n in _ORIGINS.run(tx, asked)}
    new = sorted(asked - numbers.keys())
    if new:
        start = _last_number(tx, "SELECT coalesce(max(number), 0) FROM origins")
        fresh = {pair: start + place for place, pair in enumerate(new, 1)}
        _NEW_ORIGINS.run(tx, [(number, *pair) for pair, number in fresh.items()])
        numbers.update(fresh)
    return numbers


def number_streams(
    tx: Transaction, wanted: Iterable[tuple[str, str, str]]
) -> dict[tuple[str, str, str], int]:
    """The numbers of (organization, subject, type), new ones included."""
    asked = set(wanted)
    keys = [(subject, kind, organization) for organization, subject, kind in asked]
    found = _STREAMS.run(tx, keys)
    numbers = {(str(org), str(who), str(kind)): int(n) for org, who, kind, n in found}
    new = sorted(asked - numbers.keys())
    if new:
        start = _last_number(tx, "SELECT coalesce(max(number), 0) FROM streams")
        fresh = {key: start + place for place, key in enumerate(new, 1)}
        _NEW_STREAMS.run(tx, [(number, *key) for key, number in fresh.items()])
        numbers.update(fresh)
    return numbers


def stored_elsewhere(
    tx: Transaction, asked: Iterable[tuple[str, str, str]]
) -> dict[tuple[str, str, str], tuple[StoredEvent, str, str]]:
    """What the log has under (organization, source, id): its content, its subject and its type."""
    places = _places(tx, asked)
    kept = stored(tx, places)
    about = about_streams(tx, {one.stream for one in kept.values()})
    return {places[place]: (one, *about[one.stream]) for place, one in kept.items()}


def present(tx: Transaction, asked: Iterable[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    """Those of some (organization, source, id) that the log has."""
    places = _places(tx, asked)
    return {places[str(id_), int(origin)] for id_, origin in _PRESENT.run(tx, places)}


def _places(
    tx: Transaction, asked: Iterable[tuple[str, str, str]]
) -> dict[Identity, tuple[str, str, str]]:
    """Some (organization, source, id) by the identities that they have in the log, if any."""
    wanted = set(asked)
    origins = _ORIGINS.run(tx, {(organization, source) for organization, source, _ in wanted})
    numbers = {(str(org), str(source)): int(number) for org, source, number in origins}
    return {
        (id_, numbers[organization, source]): (organization, source, id_)
        for organization, source, id_ in wanted
        if (organization, source) in numbers
    }


def about_streams(tx: Transaction, numbers: Iterable[int]) -> dict[int, tuple[str, str]]:
    """The subject and the type of each of some streams."""
    found = _ABOUT.run(tx, [(number,) for number in numbers])
    return {int(number): (str(subject), str(kind)) for number, subject, kind in found}


def resolve(tx: Transaction, aliases: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """By alias, each (organization, subject) that it may mean; unknown ones are left out.

    The writer looks names up afresh in every transaction: a name that a second tenant starts to
    use, or a resource that was made a moment ago, is seen at once.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for alias, organization, subject in _SUBJECTS.run(tx, [(alias,) for alias in aliases]):
        found.setdefault(str(alias), []).append((str(organization), str(subject)))
    return found


def _repeated(tx: Transaction, rows: Sequence[NewEvent]) -> set[int]:
    """Which rows have an identity that the log has, or a row before them.

    There is one writer, so this cannot change before they are added; the index is still there.
    """
    first: dict[Identity, int] = {}
    again = {row[0] for row in rows if first.setdefault(row[1:3], row[0]) != row[0]}
    identities = tuple(as_arrays(_IDENTITY, [row[:3] for row in rows]))
    return again.union(_numbers(tx, _THERE, identities))


def _copy(tx: Transaction, rows: Sequence[NewEvent]) -> None:
    """Add rows on Postgres: COPY costs half of what INSERT does, and can pass over nothing."""
    # Neither an id nor JSON holds a tab or a line's end, so the marks of COPY's text are its own.
    text = "".join([_LINE % row for row in rows]).replace("\\", "\\\\")
    known = tx.dialect.loaded_dbapi.Error
    connection: Any = tx.connection.driver_connection  # psycopg's own: SQLAlchemy knows no COPY
    try:
        with connection.cursor() as cursor, cursor.copy(_COPY) as copying:
            copying.write(text)
    except known as error:
        raise DBAPIError.instance(_COPY, None, error, known, dialect=tx.dialect) from error


def _numbers(tx: Transaction, question: str, parameters: tuple[Any, ...]) -> list[int]:
    listed = tx.exec_driver_sql(question, parameters).scalar_one()
    return list(map(int, str(listed).split(","))) if listed else []


def _last_number(tx: Transaction, question: str) -> int:
    with beyond_tenant(tx):  # one sequence numbers everybody's
        return int(tx.exec_driver_sql(question).scalar_one())

"""How is a value kept in a column, on both engines alike?

Ids, texts and decimals are TEXT, instants integers (microseconds since 1970), counts and minor
units integers of 64 bits, truths 0 or 1, structures JSON as TEXT; what somebody has signed stays
the bytes that it was. Nothing depends on what a database thinks a number, a date or a document is.
SQLite's tables are STRICT: a text in a column of numbers is refused there too.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import TEXT

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Compared byte by byte on both engines: an id has no language, and a list has one order.
WORDS = Text().with_variant(TEXT(collation="C"), "postgresql")
WHOLE = BigInteger().with_variant(Integer(), "sqlite")


def table(name: str, *parts: Any) -> Table:
    """A declared table: columns, constraints, indexes."""
    return Table(name, metadata, *parts, sqlite_strict=True)


def words(name: str, *, primary: bool = False, null: bool = False) -> Column[str]:
    """A column of text: an id, a name, a decimal, a document."""
    return Column(name, WORDS, primary_key=primary, nullable=null)


def refers(name: str, target: str, *, primary: bool = False, null: bool = False) -> Column[str]:
    """A column that holds the id of a row of another table."""
    return Column(name, WORDS, ForeignKey(f"{target}.id"), primary_key=primary, nullable=null)


def number(name: str, *, primary: bool = False, null: bool = False) -> Column[int]:
    """A column of whole numbers: a count, a version, an amount in minor units."""
    return Column(name, WHOLE, primary_key=primary, nullable=null, autoincrement=False)


def instant(name: str, *, primary: bool = False, null: bool = False) -> Column[int]:
    """A column of instants: microseconds since 1970."""
    return Column(name, WHOLE, primary_key=primary, nullable=null, autoincrement=False)


def truth(name: str) -> Column[int]:
    """A column that holds 0 or 1; pair it with `is_truth`."""
    return Column(name, WHOLE, nullable=False)


def octets(name: str) -> Column[bytes]:
    """A column of bytes, kept as they came."""
    return Column(name, LargeBinary, nullable=False)


def is_truth(name: str) -> CheckConstraint:
    """The check that a column holds 0 or 1."""
    return CheckConstraint(f"{name} IN (0, 1)", name=name)


def one_of(name: str, *values: str) -> CheckConstraint:
    """The check that a column of text holds one of these."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{name} IN ({listed})", name=name)


def orderly(since: str, until: str) -> CheckConstraint:
    """The check that a stretch does not run backwards; an open end is NULL."""
    return CheckConstraint(f"{until} IS NULL OR {until} >= {since}", name=until)


def present(*names: str) -> tuple[CheckConstraint, ...]:
    """The checks that columns of text are not empty."""
    return tuple(CheckConstraint(f"{name} <> ''", name=name) for name in names)

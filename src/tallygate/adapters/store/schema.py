"""Does the database have the tables that this code expects, and how does it get them?

Migrations are numbered files in `migrations/versions`; the database notes the number it has. Each
runs in one transaction of its own, on both engines, as the only writer: a process that dies leaves
the old schema or the new one, and two that start together upgrade once. At the end the role of
Postgres that tenants' transactions take is given what it needs.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect

from tallygate.adapters.store.engine import Store, open_store
from tallygate.adapters.store.tables import metadata
from tallygate.adapters.store.walls import raise_wall
from tallygate.core.errors import Conflict

if TYPE_CHECKING:
    from alembic.config import Config

VERSIONS = Path(__file__).parent / "migrations" / "versions"
VERSION_TABLE = "schema_version"


def newest() -> str:
    """The number of the newest migration, such as "0001"."""
    return max((path.name[:4] for path in VERSIONS.glob("[0-9]*.py")), default="0000")


def current(tx: Connection) -> str:
    """The number of the migration that the database is at; "0000" where it has no tables.

    Raises:
        Conflict: it has tables of our names, and nothing that says that they are ours.
    """
    look = inspect(tx)
    found = None
    if look.has_table(VERSION_TABLE):
        if all(column["name"] != "version_num" for column in look.get_columns(VERSION_TABLE)):
            raise _foreign([VERSION_TABLE])
        found = tx.exec_driver_sql("SELECT version_num FROM schema_version").scalar()
    if found in {None, "0000"}:
        taken = sorted(set(look.get_table_names()) & set(metadata.tables))
        if taken:
            raise _foreign(taken)
        return "0000"
    return str(found)


def _foreign(tables: Sequence[str]) -> Conflict:
    return Conflict(
        f"The database has a table {tables[0]} and does not say which schema it is of: it belongs "
        "to another program, or was restored in part. Name another one, or restore it whole."
    )


def is_bare(store: Store) -> bool:
    """Whether the database has no tables of ours yet."""
    with store.read() as tx:
        return current(tx) == "0000"


def check_schema(store: Store) -> None:
    """Make sure that this code and the tables fit together.

    Raises:
        Conflict: the database has no tables yet, or those of another version.
    """
    with store.read() as tx:
        have = current(tx)
    _refuse_newer(have)
    if have == "0000":
        raise Conflict("The database has no tables yet: run `tallygate db upgrade`.")
    if have != newest():
        raise Conflict(
            f"The database is at schema {have} and this Tallygate needs {newest()}: "
            "make a backup, then run `tallygate db upgrade`."
        )


def migrate(store: Store) -> list[str]:
    """Bring the tables up to date. Gives the numbers of the migrations that ran.

    Raises:
        Conflict: the database was written by a newer Tallygate, or by another program.
    """
    done: list[str] = []
    with _foreign_keys_off(store):
        while True:
            with store.write() as tx:
                have = current(tx)
                _refuse_newer(have)
                if have == newest():
                    raise_wall(tx)
                    store.wall.forget()
                    return done
                upgrade_one(tx)
                _check_references(tx)
                done.append(current(tx))


def store_in_memory() -> Store:
    """A store in memory, with its tables and without a row.

    The migrations run once in a process: each further store begins as a copy of what they left.
    """
    store = open_store("sqlite://")
    connection = store.writer_engine.raw_connection()
    try:
        driver: Any = connection.driver_connection
        driver.deserialize(_image())
    finally:
        connection.close()
    return store


@cache
def _image() -> bytes:
    """A migrated, empty SQLite database, as bytes."""
    store = open_store("sqlite://")
    migrate(store)
    connection = store.writer_engine.raw_connection()
    try:
        driver: Any = connection.driver_connection
        image: bytes = driver.serialize()
    finally:
        connection.close()
        store.close()
    return image


def migration_settings(tx: Connection) -> "Config":
    """Alembic's settings, with the transaction that it is to use."""
    from alembic.config import Config  # noqa: PLC0415  # slow to import, and most starts need none

    config = Config()
    config.set_main_option("script_location", str(VERSIONS.parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = tx
    return config


def upgrade_one(tx: Connection) -> None:
    """Run the migration that comes next."""
    from alembic import command  # noqa: PLC0415  # slow to import, and most starts need none

    command.upgrade(migration_settings(tx), "+1")


def _refuse_newer(have: str) -> None:
    if have > newest():
        raise Conflict(
            f"The database is at schema {have}, which this Tallygate does not know (it knows "
            f"{newest()}): a newer version has written it. Install that version again."
        )


@contextmanager
def _foreign_keys_off(store: Store) -> Iterator[None]:
    """Let SQLite rebuild tables that others refer to; it obeys this outside transactions only."""
    if store.dialect != "sqlite":
        yield
        return
    _set_foreign_keys(store, "OFF")
    try:
        yield
    finally:
        _set_foreign_keys(store, "ON")


def _set_foreign_keys(store: Store, state: str) -> None:
    # The writer's pool holds one connection, so this is the one that will migrate.
    connection = store.writer_engine.raw_connection()
    try:
        setting = f"PRAGMA foreign_keys = {state}"
        connection.cursor().execute(setting)
    finally:
        connection.close()


def _check_references(tx: Connection) -> None:
    if tx.dialect.name == "sqlite":
        broken = tx.exec_driver_sql("PRAGMA foreign_key_check").first()
        assert broken is None, f"the migration left a row of {broken} without what it refers to"

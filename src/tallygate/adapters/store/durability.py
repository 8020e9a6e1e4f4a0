"""Does a commit reach the disk? Asked of the very connection that will write."""

from sqlalchemy import text
from sqlalchemy.engine import Connection

from tallygate.core.errors import Invalid, Unsafe

SYNCHRONOUS_LEVELS = ("OFF", "NORMAL", "FULL", "EXTRA")
SAFE_SYNCHRONOUS = frozenset(("FULL", "EXTRA"))
SAFE_SYNCHRONOUS_COMMIT = frozenset(("on", "remote_apply"))


def check_sqlite(connection: Connection) -> None:
    """Make sure that SQLite keeps what it is given.

    Raises:
        Unsafe: a power cut might take it back, or the file lies where it cannot be shared.
    """
    level = SYNCHRONOUS_LEVELS[int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())]
    if level not in SAFE_SYNCHRONOUS:
        raise Unsafe(
            f"SQLite runs with synchronous={level}: a power cut would forget acknowledged events. "
            "Take the setting out of the database's address, or write synchronous=FULL."
        )
    journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    if journal != "wal":
        raise Unsafe(
            f"SQLite keeps its journal in mode {journal} instead of wal: the file lies on a file "
            "system that cannot share memory. Put it on a local disk."
        )


def check_postgres(connection: Connection) -> None:
    """Make sure that Postgres keeps what it is given, and every text.

    Raises:
        Invalid: the database's encoding cannot keep every text.
        Unsafe: a crash might take back what was acknowledged.
    """
    names = ("fsync", "full_page_writes", "synchronous_commit", "server_encoding")
    found = {
        name: connection.execute(
            text("SELECT current_setting(:name)"), {"name": name}
        ).scalar_one()
        for name in names
    }
    if found["server_encoding"] != "UTF8":
        raise Invalid(
            f"The Postgres database keeps text as {found['server_encoding']}, and names need UTF8:"
            " make one with CREATE DATABASE tallygate ENCODING 'UTF8' TEMPLATE template0."
        )
    for name in ("fsync", "full_page_writes"):
        if found[name] != "on":
            raise Unsafe(
                f"Postgres runs with {name}={found[name]}: a crash would forget acknowledged "
                f"events. Set {name} = on in postgresql.conf and restart it."
            )
    commit = found["synchronous_commit"]
    if commit not in SAFE_SYNCHRONOUS_COMMIT:
        raise Unsafe(
            f"Postgres runs with synchronous_commit={commit}: a crash would forget acknowledged "
            "events. Set it to on (or remote_apply) for this database and this user."
        )

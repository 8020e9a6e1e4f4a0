"""Did the database fail, for now, or is there a mistake in our SQL?"""

import sqlite3

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError

_SQLITE_PASSING = frozenset(
    (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOMEM,
    )
)
# Connection, resources, lock not available, operator intervention, serialization, system error.
_POSTGRES_PASSING = ("08", "53", "55P03", "57", "40", "58")


def is_passing(error: DBAPIError) -> bool:
    """Whether the database failed, and not our SQL."""
    if error.connection_invalidated:
        return True
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _SQLITE_PASSING
    if not isinstance(error, OperationalError | InterfaceError | InternalError):
        return False
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state is None or state.startswith(_POSTGRES_PASSING)


def without_password(reason: str, url: URL) -> str:
    """What the driver says, in one line that tells no secret."""
    lines = "; ".join(line.strip() for line in reason.splitlines()).rstrip(".?")
    return lines.replace(str(url.password), "***") if url.password else lines

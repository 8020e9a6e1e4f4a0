"""The file in which the world survives a restart: an SQLite database of objects and timers.

Each transaction is written whole. A crash of the machine may lose the last ones: this is a
sandbox.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tallygate_sandbox.world.objects import Obj, Objects, Place, decode, encode
from tallygate_sandbox.world.timers import Timer, Timers

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects
  (kind TEXT, id TEXT, position INTEGER, body BLOB, PRIMARY KEY (kind, id));
CREATE TABLE IF NOT EXISTS timers
  (name TEXT, id TEXT, at INTEGER, number INTEGER, timeline TEXT, PRIMARY KEY (name, id));
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value INTEGER);
"""


MARK = 2_048_023_308  # which program the file belongs to
SET_MARK = "PRAGMA application_id = 2048023308"


class BadFile(Exception):
    """A file that is not a world's, is damaged, or is in use."""


class Journal:
    """A world's file."""

    def __init__(self, path: Path) -> None:
        """Open a file, or make it. Raises: BadFile."""
        self._path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._open()
            (last,) = self._db.execute("SELECT coalesce(max(position), 0) FROM objects").fetchone()
        except sqlite3.DatabaseError as error:
            raise self._bad(error) from None
        self.position: int = last

    def _open(self) -> None:
        # Two sandboxes in one file would overwrite each other: the second is refused.
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        (mark,) = self._db.execute("PRAGMA application_id").fetchone()
        (tables,) = self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables and mark != MARK:
            raise BadFile(f"{self._path} is a database of another program: choose another file.")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(SET_MARK)
        self._db.executescript(SCHEMA)

    def _bad(self, error: Exception) -> BadFile:
        if "locked" in str(error):
            return BadFile(f"{self._path} is in use by another sandbox: stop that one first.")
        return BadFile(
            f"{self._path} cannot be used for the sandbox's state: {error}. "
            "Choose another file; a new one is made."
        )

    def read(self, objects: Objects, timers: Timers) -> dict[str, int]:
        """Fill a world; gives the clock's settings. Raises: BadFile."""
        try:
            return self._read(objects, timers)
        except (sqlite3.DatabaseError, msgspec.DecodeError, LookupError, TypeError) as error:
            raise self._bad(error) from None

    def _read(self, objects: Objects, timers: Timers) -> dict[str, int]:
        for (body,) in self._db.execute("SELECT body FROM objects ORDER BY position"):
            objects.restore(decode(body))
        rows = self._db.execute("SELECT at, number, name, id, timeline FROM timers")
        for row in rows:
            timers.restore(Timer(*row))
        return dict(self._db.execute("SELECT name, value FROM settings"))

    def write(
        self,
        objects: Mapping[Place, Obj | None],
        timers: Mapping[tuple[str, str], Timer | None],
        settings: Mapping[str, int],
    ) -> None:
        """Write one transaction's changes."""
        self._db.execute("BEGIN")
        try:
            self._write(objects, timers, settings)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _write(
        self,
        objects: Mapping[Place, Obj | None],
        timers: Mapping[tuple[str, str], Timer | None],
        settings: Mapping[str, int],
    ) -> None:
        for (kind, ident), obj in objects.items():
            self._write_object(kind, ident, obj)
        for (name, ident), timer in timers.items():
            if timer is None:
                self._db.execute("DELETE FROM timers WHERE name = ? AND id = ?", (name, ident))
            else:
                row = (timer.name, timer.ident, timer.at, timer.number, timer.timeline)
                self._db.execute("INSERT OR REPLACE INTO timers VALUES (?, ?, ?, ?, ?)", row)
        self._db.executemany("INSERT OR REPLACE INTO settings VALUES (?, ?)", settings.items())

    def _write_object(self, kind: str, ident: str, obj: Obj | None) -> None:
        if obj is None:
            self._db.execute("DELETE FROM objects WHERE kind = ? AND id = ?", (kind, ident))
            return
        self.position += 1
        self._db.execute(
            "INSERT INTO objects VALUES (?, ?, ?, ?) "
            "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            (kind, ident, self.position, encode(obj)),
        )

    def close(self) -> None:
        self._db.close()

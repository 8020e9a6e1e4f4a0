"""The file in which the world survives a restart: an SQLite database of objects and timers.

Each transaction is written whole. A crash of the machine may lose the last ones: this is a
sandbox.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from tallygate_sandbox.world.objects import Obj, Objects, Place, decode, encode
from tallygate_sandbox.world.timers import Timer, Timers

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects
  (kind TEXT, id TEXT, position INTEGER, body BLOB, PRIMARY KEY (kind, id));
CREATE TABLE IF NOT EXISTS timers
  (name TEXT, id TEXT, at INTEGER, number INTEGER, timeline TEXT, PRIMARY KEY (name, id));
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value INTEGER);
"""


class Journal:
    """A world's file."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)
        (last,) = self._db.execute("SELECT coalesce(max(position), 0) FROM objects").fetchone()
        self._position: int = last

    def read(self, objects: Objects, timers: Timers) -> dict[str, int]:
        """Fill a world; gives the clock's settings."""
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
        for (kind, ident), obj in objects.items():
            self._write_object(kind, ident, obj)
        for (name, ident), timer in timers.items():
            if timer is None:
                self._db.execute("DELETE FROM timers WHERE name = ? AND id = ?", (name, ident))
            else:
                row = (timer.name, timer.ident, timer.at, timer.number, timer.timeline)
                self._db.execute("INSERT OR REPLACE INTO timers VALUES (?, ?, ?, ?, ?)", row)
        self._db.executemany("INSERT OR REPLACE INTO settings VALUES (?, ?)", settings.items())
        self._db.execute("COMMIT")

    def _write_object(self, kind: str, ident: str, obj: Obj | None) -> None:
        if obj is None:
            self._db.execute("DELETE FROM objects WHERE kind = ? AND id = ?", (kind, ident))
            return
        self._position += 1
        self._db.execute(
            "INSERT INTO objects VALUES (?, ?, ?, ?) "
            "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            (kind, ident, self._position, encode(obj)),
        )

    def close(self) -> None:
        self._db.close()

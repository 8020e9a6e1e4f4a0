"""Does every commit wait for the disk?

A killed process loses nothing that the operating system has, so killing cannot tell: the calls are
counted. Under load there has to be at least one for each group that was committed, and a server
that was told not to wait has to be found by the same count. SQLite's are counted by strace; a
Postgres counts its own, for all that it does: so it is one where nobody else writes.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.chaos.crowd import PATIENCE, Crowd
from tests.chaos.servers import furnish, own_port, server, wait_until

from tallygate.adapters.store import open_store
from tallygate.core.errors import Unsafe

GROUPS = 100
"""Groups to be committed before the calls are counted."""

WITHOUT_STRACE = (
    "\nSyncs to disk were NOT counted on SQLite: strace is missing, or may not trace. Install it "
    "(apt-get install strace) and run tests/chaos again. Checked instead: what the writing "
    "connection says of its own settings.\n"
)


def groups_under_load(
    url: str, key: str, groups: Path, kind: str, before: tuple[str, ...] = ()
) -> int:
    """Put a server under load until it has committed `GROUPS`; gives how many it really has."""
    groups.touch()
    with own_port() as port:
        # Nothing is sent twice: a group of nothing but duplicates changes nothing, needs no sync.
        crowd = Crowd(port, key, seed=len(kind), repeated=0)
        with server(url, port, groups, kind=kind, before=before) as process, crowd:
            wait_until(lambda: groups.stat().st_size >= GROUPS, process)
    assert not crowd.problems, crowd.problems[:3]
    committed = groups.stat().st_size
    assert committed >= GROUPS, "the server ended by itself"
    return committed


def may_trace() -> bool:
    strace = shutil.which("strace")
    if strace is None:
        return False
    return subprocess.run([strace, "-o", "/dev/null", "true"], check=False).returncode == 0


def test_sqlite_waits_for_the_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path / 'syncs.db'}"
    key = furnish(url)
    if not may_trace():
        with capsys.disabled():
            sys.stderr.write(WITHOUT_STRACE)
        with pytest.raises(Unsafe, match="synchronous=NORMAL"):
            open_store(f"{url}?synchronous=NORMAL")
        open_store(url).close()
        return
    found = {}
    for kind, address in (("real", url), ("forgetful", f"{url}?synchronous=NORMAL")):
        trace = tmp_path / f"{kind}.trace"
        strace = ("strace", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", str(trace))
        groups = groups_under_load(address, key, tmp_path / kind, kind, strace)
        calls = [line for line in trace.read_text().splitlines() if "sync(" in line]
        found[kind] = len(calls) / groups
    assert found["real"] >= 1
    assert found["forgetful"] < 0.5, "a server that does not wait has to be found"


def test_postgres_waits_for_the_disk(lone_postgres: str, tmp_path: Path) -> None:
    key = furnish(lone_postgres)
    found = {}
    forgetful = f"{lone_postgres}&options=-csynchronous_commit%3Doff"
    for kind, address in (("real", lone_postgres), ("forgetful", forgetful)):
        before = wal_syncs(lone_postgres)
        groups = groups_under_load(address, key, tmp_path / kind, kind)
        found[kind] = (wal_syncs(lone_postgres) - before) / groups
    assert found["real"] >= 1
    assert found["forgetful"] < 0.5, "a server that does not wait has to be found"


@pytest.fixture
def lone_postgres(start_postgres: Callable[[], Any]) -> Iterator[str]:
    """A Postgres of this test's own, which syncs its log for no other reason than a commit."""
    started = start_postgres()
    try:
        address: str = started.get_uri()
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
            connection.execute("ALTER SYSTEM SET autovacuum = off")
            connection.execute("SELECT pg_reload_conf()")
        yield address
    finally:
        started.cleanup()


def wal_syncs(url: str) -> int:
    """How often a Postgres has synced its log to disk, once nobody else is connected.

    A backend counts for itself, and reports at the latest when it ends.
    """
    others = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        end = time.monotonic() + PATIENCE
        while number(connection, others):
            assert time.monotonic() < end, "a connection stays open"
            time.sleep(0.05)
        if connection.info.server_version >= 180000:
            return number(connection, "SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'")
        return number(connection, "SELECT wal_sync FROM pg_stat_wal")


def number(connection: psycopg.Connection[Any], question: str) -> int:
    [[answer]] = connection.execute(question).fetchall()
    return int(answer or 0)

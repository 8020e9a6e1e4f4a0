"""Does every commit wait for the disk?

A killed process loses nothing that the operating system has, so killing cannot tell: the calls are
counted. Under load there has to be at least one for each group that was committed, and a server
that was told not to wait has to be found by the same count. SQLite's are counted by strace; a
Postgres counts its own.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.chaos.crowd import Crowd
from tests.chaos.servers import free_port, furnish, server

from tallygate.adapters.store import open_store
from tallygate.core.errors import Unsafe

SECONDS = 2.0
WITHOUT_STRACE = (
    "\nSyncs to disk were NOT counted on SQLite: strace is missing, or may not trace. Install it "
    "(apt-get install strace) and run tests/chaos again. Checked instead: what the writing "
    "connection says of its own settings.\n"
)


def groups_under_load(
    url: str, key: str, groups: Path, kind: str, before: tuple[str, ...] = ()
) -> int:
    """Put a server under load for a while; gives how many groups it has committed."""
    port = free_port()
    # Nothing is sent twice: a group of nothing but duplicates changes nothing and needs no sync.
    crowd = Crowd(port, key, seed=len(kind), repeated=0)
    with server(url, port, groups, kind=kind, before=before):
        crowd.start()
        time.sleep(SECONDS)
        crowd.stop()
    assert not crowd.problems, crowd.problems[:3]
    return groups.stat().st_size


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
        assert groups > 20, "there has to be load"
    assert found["real"] >= 1
    assert found["forgetful"] < 0.5, "a server that does not wait has to be found"


def test_postgres_waits_for_the_disk(make_database: Callable[[str], str], tmp_path: Path) -> None:
    url = make_database("syncs")
    key = furnish(url)
    found = {}
    hasty = f"{url}{'&' if '?' in url else '?'}options=-csynchronous_commit%3Doff"
    for kind, address in (("real", url), ("forgetful", hasty)):
        before = wal_syncs(url)
        groups = groups_under_load(address, key, tmp_path / kind, kind)
        time.sleep(1.5)  # a backend reports what it did once a second, and when it ends
        found[kind] = (wal_syncs(url) - before) / groups
        assert groups > 20, "there has to be load"
    assert found["real"] >= 1
    assert found["forgetful"] < 0.5, "a server that does not wait has to be found"


def wal_syncs(url: str) -> int:
    """How often this server of Postgres has synced its log to disk."""
    store = open_store(url)
    try:
        with store.read() as tx:
            version = int(tx.exec_driver_sql("SHOW server_version_num").scalar_one())
            count = (
                "SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'"
                if version >= 180000
                else "SELECT wal_sync FROM pg_stat_wal"
            )
            return int(tx.exec_driver_sql(count).scalar_one() or 0)
    finally:
        store.close()

"""What do the chaos tests start? Servers in processes of their own, to be killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.crowd import SUBJECTS

from tallygate.adapters.store import migrate, open_store
from tallygate.app import SystemClock
from tallygate.core.ids import IdSource
from tallygate.testing import repeatable_bits
from tallygate.workflows.accounts import create_organization
from tallygate.workflows.installation import Installation
from tallygate.workflows.keys import create_key
from tallygate.workflows.publish import apply

SERVER = Path(__file__).with_name("chaos_server.py")
CATALOG = """
name: chaos
currency: usd
meters:
  tokens: {event: llm.tokens, value: tokens, aggregation: sum}
  users: {event: llm.tokens, value: user, aggregation: unique}
  held: {event: disk.size, value: gb, aggregation: time_weighted}
prices:
  - {key: tokens, meter: tokens, per_unit: "0.01"}
"""


def furnish(url: str) -> str:
    """Tables, a catalog, accounts; gives a key."""
    store = open_store(url)
    migrate(store)
    clock = SystemClock()
    here = Installation(store, clock, IdSource(clock, repeatable_bits("chaos")))
    apply(here, CATALOG)
    for number in range(SUBJECTS):
        create_organization(here, f"Account {number}", external_id=f"account-{number}")
    key = create_key(here, organization=None, scopes=["ingest"]).text
    store.close()
    return key


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def server(
    url: str,
    port: int,
    groups: Path,
    *,
    kind: str = "real",
    kill: str = "",
    before: Sequence[str] = (),
) -> Iterator[subprocess.Popen[bytes]]:
    """A server process that takes requests; ended, one way or another, at the end."""
    command = [*before, sys.executable, str(SERVER), url, str(port), kind, str(groups)]
    if kill:
        command += kill.split()
    started = subprocess.Popen(command, start_new_session=True)
    try:
        wait_for(started, port)
        yield started
    finally:
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def wait_for(started: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(600):
        if started.poll() is not None:
            return
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server did not start")

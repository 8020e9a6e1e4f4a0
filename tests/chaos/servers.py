"""What do the chaos tests start? Servers in processes of their own, to be killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.chaos.chaos_server import main
from tests.chaos.crowd import PATIENCE, SUBJECTS
from tests.chaos.forked import forked

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


@contextmanager
def own_port() -> Iterator[int]:
    """A port that nobody else on the machine can take, while our servers come and go on it.

    It is bound here and listened on there alone: both say SO_REUSEPORT.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


@contextmanager
def server(
    url: str,
    port: int,
    groups: Path,
    *,
    kind: str = "real",
    kill: str = "",
    before: Sequence[str] = (),
) -> Iterator["Started"]:
    """A server process that takes requests; ended, one way or another, at the end.

    With a command `before` its own it is a program, else forked, which takes less time.
    """
    words = [url, str(port), kind, str(groups), *kill.split()]
    started: Started = (
        subprocess.Popen([*before, sys.executable, str(SERVER), *words], start_new_session=True)
        if before
        else Forked(forked(main, *words))
    )
    try:
        wait_until(lambda: takes_requests(port), started)
        yield started
    finally:
        if started.poll() is None:
            if before:
                os.killpg(started.pid, signal.SIGKILL)
            started.kill()
        started.wait()


class Forked:
    """A forked process, in the words of `subprocess`."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        self.pid = process.pid or 0
        self.kill = process.kill

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int | None:
        self._process.join(timeout)
        return self._process.exitcode


Started = subprocess.Popen[bytes] | Forked


def wait_until(happened: Callable[[], bool], started: Started) -> None:
    """Wait until something happened, or the server ended."""
    end = time.monotonic() + PATIENCE
    while not happened() and started.poll() is None:
        assert time.monotonic() < end, "the server hangs"
        time.sleep(0.01)


def takes_requests(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True

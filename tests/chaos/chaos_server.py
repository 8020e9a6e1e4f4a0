"""The real server, with a hand on its switch; and two servers that are wrong on purpose.

    python chaos_server.py URL PORT KIND GROUPS [FAILPOINT COUNT]

KIND `real` is what `tallygate serve` runs. `hasty` answers before the commit, and `forgetful`
takes a database that was told not to wait for the disk: the tests have to find both. For each
commit one byte is added to the file GROUPS. With FAILPOINT the process kills itself there, the
COUNTth time.
"""

import os
import signal
import socket
import sys
import time

import uvicorn

from tallygate.adapters.store import durability, open_store
from tallygate.app import SystemClock
from tallygate.core import failpoints
from tallygate.core.ids import IdSource
from tallygate.interfaces.api import create_app
from tallygate.interfaces.api.ingest_route import PATH, EventsEndpoint
from tallygate.testing import repeatable_bits
from tallygate.workflows.ingest import Batch, Verdicts
from tallygate.workflows.installation import Installation


class Hasty(EventsEndpoint):
    """Acknowledges what it has only begun to write."""

    async def store(self, batch: Batch) -> Verdicts:
        """Promise everything."""
        self._writer.submit(batch, None)
        return Verdicts(accepted=len(batch.events))


def deliver_to_nobody(_: object) -> None:
    """The senders have been answered already."""


def main(url: str, port: str, kind: str, groups: str, *kill: str) -> None:
    """Serve until killed."""
    if kind == "forgetful":
        durability.SAFE_SYNCHRONOUS = frozenset(("FULL", "EXTRA", "NORMAL"))
        durability.SAFE_SYNCHRONOUS_COMMIT = frozenset(("on", "remote_apply", "off"))
    counted = os.open(groups, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    failpoints._armed["ingest.commit.after"] = lambda: void(os.write(counted, b"."))
    if kind == "hasty":
        failpoints._armed["ingest.commit.before"] = lambda: time.sleep(0.05)
    if kill:
        arm(kill[0], int(kill[1]))
    store = open_store(url)
    clock = SystemClock()
    here = Installation(store, clock, IdSource(clock, repeatable_bits(str(os.getpid()))))
    app = create_app(here)
    if kind == "hasty":
        endpoint = Hasty(app.state.door)
        endpoint._writer._deliver = deliver_to_nobody
        next(r for r in app.routes if getattr(r, "path", "") == PATH).app = endpoint  # type: ignore[attr-defined]  # a Starlette Route
    listening = socket.create_server(("127.0.0.1", int(port)), backlog=256, reuse_port=True)
    config = uvicorn.Config(app, http="httptools", loop="asyncio", ws="none", log_level="error")
    uvicorn.Server(config).run(sockets=[listening])


def arm(name: str, count: int) -> None:
    """Kill this process at a failpoint, the so-manieth time."""
    before, left = failpoints._armed.get(name), count

    def act() -> None:
        nonlocal left
        if before is not None:
            before()
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    failpoints._armed[name] = act


def void(_: object) -> None:
    """Nothing."""


if __name__ == "__main__":
    main(*sys.argv[1:])

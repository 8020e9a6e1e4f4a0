"""The server that the benchmarks measure: the real application, as `tallygate serve` runs it.

With `bound` everything is the same (the server, the door, the decoder, the answer), but the
batch goes no further: each event of it is answered as accepted, and a webhook is verified and
answered. With `busy` the process stores batches of its own meanwhile; with `attending` its worker
settles what comes and attends accounts without a pause, which a provider in memory shows.
"""

import socket
import sys
import threading
import time
from typing import cast

import uvicorn

from benchmarks.load import Bodies
from benchmarks.mirror import Remembered, begin_accounts
from benchmarks.world import ATTENDED, FLAT, SIGNING, installation
from tallygate.adapters.stripe.webhooks import StripeWebhooks
from tallygate.app import settle_in
from tallygate.collection.provider import Books
from tallygate.interfaces.api import create_app
from tallygate.interfaces.api.ingest_route import PATH, EventsEndpoint
from tallygate.interfaces.api.webhooks import Receiver
from tallygate.workflows.event_json import read_array
from tallygate.workflows.ingest import Batch, Verdicts, write_group
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.attend import mark_all
from tallygate.workflows.mirror.receive import verify
from tallygate.workflows.worker import behind, mirror_turn

BATCH, BATCHES_A_SECOND = 1000, 10


class Bound(EventsEndpoint):
    """Stores nothing."""

    async def store(self, batch: Batch) -> Verdicts:
        """The verdicts that would be given if all were new."""
        return Verdicts(accepted=len(batch.events), rejected=list(batch.refused))


class BoundReceiver(Receiver):
    """Verifies, and stores nothing."""

    async def receive(self, signature: str, body: bytes) -> None:
        """Only the check."""
        assert self._verifier is not None
        verify(self._installation, self._verifier, signature, body)


def store_batches(here: Installation) -> None:
    """Be busy, for as long as the process lives."""
    bodies = Bodies("ordered", BATCH)
    while True:
        write_group(here, [read_array(bodies.next(), None, BATCH)])
        time.sleep(1 / BATCHES_A_SECOND)


def attend_always(here: Installation, books: Remembered) -> None:
    """Be a worker that always has accounts to attend, for as long as the process lives."""
    while True:
        if not mirror_turn(here, cast("Books", books)):
            mark_all(here)


def main(url: str, kind: str) -> None:
    """Serve until terminated; prints the port first."""
    with installation(url) as here:
        verifier = StripeWebhooks([SIGNING])
        app = create_app(here, verifier=verifier)
        if kind == "busy":
            threading.Thread(target=store_batches, args=(here,), daemon=True).start()
        if kind == "attending":
            books = Remembered()
            begin_accounts(here, books, ATTENDED, FLAT)
            threading.Thread(target=attend_always, args=(behind(here), books), daemon=True).start()
        if kind == "bound":
            route = next(route for route in app.routes if getattr(route, "path", "") == PATH)
            route.app = Bound(app.state.door)  # type: ignore[attr-defined]  # a Starlette Route
            app.state.webhooks.receiver = BoundReceiver(here, verifier)
        listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as `serve` has it
        print(listening.getsockname()[1], flush=True)
        config = uvicorn.Config(
            app,
            http="httptools",
            loop="asyncio",
            ws="none",
            log_level="error",
            server_header=False,
        )
        settle_in()  # as `serve` does
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The server that the benchmarks measure: the real application, as `tallygate serve` runs it.

With `bound` everything is the same (the server, the door, the decoder, the answer), but the
batch goes no further: each event of it is answered as accepted.
"""

import socket
import sys

import uvicorn

from benchmarks.world import installation
from tallygate.interfaces.api import create_app
from tallygate.interfaces.api.ingest_route import PATH, EventsEndpoint
from tallygate.workflows.ingest import Batch, Verdicts


class Bound(EventsEndpoint):
    """Stores nothing."""

    async def store(self, batch: Batch) -> Verdicts:
        """The verdicts that would be given if all were new."""
        return Verdicts(accepted=len(batch.events), rejected=list(batch.refused))


def main(url: str, kind: str) -> None:
    """Serve until terminated; prints the port first."""
    with installation(url) as here:
        app = create_app(here)
        if kind == "bound":
            route = next(route for route in app.routes if getattr(route, "path", "") == PATH)
            route.app = Bound(app.state.door)  # type: ignore[attr-defined]  # a Starlette Route
        listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
        print(listening.getsockname()[1], flush=True)
        config = uvicorn.Config(
            app,
            http="httptools",
            loop="asyncio",
            ws="none",
            log_level="error",
            server_header=False,
        )
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main(*sys.argv[1:])

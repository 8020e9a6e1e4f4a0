"""A sandbox for tests, in a thread of their own process.

with running_sandbox(frozen=1_767_225_600) as sandbox:
    client = StripeClient("sk_test_1", base_addresses=sandbox.addresses)
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from stripe._base_address import BaseAddresses

from tallygate_sandbox.app import Sandbox
from tallygate_sandbox.server import listening_socket, server
from tallygate_sandbox.world import SandboxClock, World


@dataclass(frozen=True)
class RunningSandbox:
    """`url` is where it listens; `world` is to be read, and changed only by requests."""

    url: str
    world: World

    @property
    def addresses(self) -> BaseAddresses:
        """Every address that the official SDK calls."""
        return {"api": self.url, "connect": self.url, "files": self.url, "meter_events": self.url}

    def advance_to(self, instant: int) -> None:
        """Move the sandbox's clock to an instant (seconds since 1970), playing all that is due."""
        self.control("clock", {"to": instant, "deliver": True})

    def settle(self) -> None:
        """Wait until every webhook that is due was attempted."""
        self.control("clock", {"deliver": True})

    def control(
        self, address: str, body: dict[str, Any] | None = None, method: str | None = None
    ) -> dict[str, Any]:
        """Call `/_sandbox/<address>`: GET, or POST with a body, unless told otherwise."""
        sent = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/_sandbox/{address}", sent, method=method)  # noqa: S310  # ours
        with urlopen(request, timeout=60) as answer:  # noqa: S310  # ours
            got: dict[str, Any] = json.load(answer)
        return got


@contextmanager
def running_sandbox(
    frozen: int | None = None, seed: int = 1, file: Path | None = None
) -> Iterator[RunningSandbox]:
    """A sandbox on a free port of 127.0.0.1, its clock frozen at an instant if one is given."""
    world = World(SandboxClock(frozen), seed, file)
    listening = listening_socket("127.0.0.1", 0)
    world.base_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    running = server(Sandbox(world))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        while not running.started:
            thread.join(0.005)
        yield RunningSandbox(world.base_url, world)
    finally:
        running.should_exit = True
        thread.join()
        listening.close()
        world.close()

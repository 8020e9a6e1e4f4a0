"""A sandbox for tests, in a thread of their own process.

with running_sandbox(frozen=1_767_225_600) as sandbox:
    client = StripeClient("sk_test_1", base_addresses=sandbox.addresses)
"""

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from stripe._base_address import BaseAddresses

from tallygate_sandbox.app import ABORT, Sandbox, application
from tallygate_sandbox.server import listening_socket, server
from tallygate_sandbox.world import SandboxClock, World

Message = MutableMapping[str, Any]


class Inside:
    """The sandbox's application, for requests that take no network: the answers are the same."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """Serve one request of the network's, or the server's life."""
        self._loop = asyncio.get_running_loop()
        await self._app(scope, receive, send)

    def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes, dict[str, str]] | None:
        """Status, body and headers (with lower-case names) of the answer to a request.

        None: the connection was dropped, as a fault that was asked for.
        """
        assert self._loop is not None, "the sandbox runs"
        asked = self._ask(method, url, headers, body)
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result()

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes, dict[str, str]] | None:
        split = urlsplit(url)
        dropped: list[None] = []
        said: list[Message] = []
        given = {"host": split.netloc} | {name.lower(): text for name, text in headers.items()}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": split.scheme,
            "path": unquote(split.path),
            "raw_path": split.path.encode(),
            "query_string": split.query.encode(),
            "root_path": "",
            "headers": [(a.encode("latin-1"), b.encode("latin-1")) for a, b in given.items()],
            "client": ("127.0.0.1", 1),
            "server": (split.hostname, split.port),
            "extensions": {ABORT: lambda: dropped.append(None)},
        }

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            said.append(message)

        await self._app(scope, receive, send)
        if dropped:
            return None
        told = {
            name.decode("latin-1"): text.decode("latin-1") for name, text in said[0]["headers"]
        }
        return said[0]["status"], b"".join(one["body"] for one in said[1:]), told


INSIDE: dict[str, Inside] = {}
"""The applications of the sandboxes that run in this process, by their addresses."""


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
    inside = Inside(application(Sandbox(world)))
    running = server(inside)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        while not running.started:
            thread.join(0.005)
        INSIDE[world.base_url] = inside
        yield RunningSandbox(world.base_url, world)
    finally:
        INSIDE.pop(world.base_url, None)
        running.should_exit = True
        thread.join()
        listening.close()
        world.close()

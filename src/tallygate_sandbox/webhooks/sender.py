"""The loop that delivers: one attempt at a time for each endpoint, all endpoints at once."""

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import AsyncIterator
from functools import cache

import httpx2
import msgspec

from tallygate_sandbox.webhooks.deliveries import KIND, Attempt, drop, pending, queues, record
from tallygate_sandbox.webhooks.faults import at_once, in_order
from tallygate_sandbox.webhooks.secrets import valid
from tallygate_sandbox.webhooks.signature import signature
from tallygate_sandbox.world import Seen, World
from tallygate_sandbox.world.objects import encode
from tallygate_sandbox.world.world import public

TIMEOUT_SECONDS = 10.0  # Stripe's is unpublished
MAX_ANSWER = 65_536
HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
}

log = logging.getLogger("tallygate_sandbox")


@cache
def _trusted() -> ssl.SSLContext:
    """Whom HTTPS receivers are held to. Reading it takes a while, so once in a process."""
    return httpx2.create_ssl_context(trust_env=False)


class Sender:
    """Delivers what is pending, as long as it runs."""

    def __init__(self, world: World, timeout: float = TIMEOUT_SECONDS) -> None:
        self.world = world
        self._timeout = timeout
        self._stirred = asyncio.Event()
        self._settled = asyncio.Event()
        self._serving: dict[str, asyncio.Task[None]] = {}

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        # A proxy of the environment is for the world outside, and receivers stand beside us.
        async with httpx2.AsyncClient(
            verify=_trusted(), trust_env=False, follow_redirects=False
        ) as client:
            loop = asyncio.create_task(self._run(client))
            try:
                yield
            finally:
                tasks = [loop, *self._serving.values()]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def stir(self) -> None:
        """Look again: something may be pending."""
        self._stirred.set()

    async def settle(self) -> None:
        """Wait until everything that is pending was attempted."""
        while pending(self.world):
            self._settled.clear()
            self.stir()
            await self._settled.wait()

    async def _run(self, client: httpx2.AsyncClient) -> None:
        while True:
            self._stirred.clear()
            for endpoint in queues(self.world):
                if endpoint not in self._serving:
                    task = asyncio.create_task(self._serve(client, endpoint))
                    self._serving[endpoint] = task
            if not self._serving:
                self._settled.set()
            await self._stirred.wait()

    async def _serve(self, client: httpx2.AsyncClient, endpoint: str) -> None:
        """Make all attempts that wait for an endpoint."""
        try:
            while waiting := self.world.where(KIND, "_queue", endpoint):
                idents = [one["id"] for one in in_order(self.world, endpoint, waiting)]
                width = at_once(self.world, endpoint)
                for start in range(0, len(idents), width):
                    chunk = idents[start : start + width]
                    await asyncio.gather(*(self._attempt(client, one) for one in chunk))
        except Exception:
            log.exception("deliveries to %s failed", endpoint)
            await asyncio.sleep(1)
        finally:
            del self._serving[endpoint]
            self.stir()

    async def _attempt(self, client: httpx2.AsyncClient, ident: str) -> None:
        delivery = self.world.find(KIND, ident)
        if delivery is None or delivery["state"] != "pending":
            return  # dropped meanwhile
        endpoint = self.world.find(delivery["endpoint_kind"], delivery["endpoint"])
        event = self.world.find(delivery["event_kind"], delivery["event"])
        if endpoint is None or event is None:
            with self.world.transaction():
                drop(self.world, ident)
            return
        at, began = self.world.clock.now(), time.monotonic()
        status, error = await self._post(client, delivery["url"], body_of(event), endpoint)
        ms = round((time.monotonic() - began) * 1000)
        if self.world.find(KIND, ident):
            with self.world.transaction():
                record(self.world, ident, Attempt(at, status, error, ms))

    async def _post(
        self, client: httpx2.AsyncClient, url: str, body: bytes, endpoint: Seen
    ) -> tuple[int | None, str | None]:
        # The receiver compares with its own clock: the machine's, or the sandbox's where it
        # follows that. Stripe's libraries refuse only what is too old.
        now = max(int(time.time()), self.world.clock.now())  # noqa: TID251  # see above
        signed = signature(body, valid(endpoint, self.world.now()), now)
        headers = HEADERS | {"Stripe-Signature": signed}
        try:
            async with asyncio.timeout(self._timeout):
                sent = client.stream("POST", url, content=body, headers=headers, timeout=None)
                async with sent as answer:
                    size = 0
                    async for part in answer.aiter_raw():
                        size += len(part)
                        if size > MAX_ANSWER:
                            break
                    return answer.status_code, None
        except TimeoutError:
            return None, f"no answer within {self._timeout:g} s"
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as failure:
            return None, str(failure) or type(failure).__name__


def body_of(event: Seen) -> bytes:
    """What is sent: a snapshot whole, of a thin event everything but its data."""
    shown = public(event)
    if shown["object"] == "v2.core.event":
        shown = {key: value for key, value in shown.items() if key not in {"data", "changes"}}
    return msgspec.json.format(encode(shown), indent=2)

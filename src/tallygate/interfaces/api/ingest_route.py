"""How do events come in over HTTP, fast?

`POST /v1/events` stands beside FastAPI's routes as bare ASGI: the body is read, decoded
(`event_wire`), handed to the one writer, and answered when the writer has committed. Nothing is
acknowledged before it is on disk.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import suppress
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from tallygate.core.errors import Invalid, TooLarge
from tallygate.interfaces.api.callers import INGEST, Caller, Door
from tallygate.interfaces.api.event_wire import answer, decode
from tallygate.interfaces.api.routes import check_query
from tallygate.workflows.ingest import Batch, Verdicts
from tallygate.workflows.intake import Outcome, Writer

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PATH = "/v1/events"
KEY_SECONDS = 1.0
"""How long a key that was let in is let in again without a look: a revoked one is dead after."""

MOST_KEYS = 10_000
PERSON = b"tallygate-person"

Ticket = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Verdicts]"]


class EventsEndpoint:
    """The ASGI application behind `POST /v1/events`."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._settings = door.installation.settings
        self._writer = Writer(door.installation, _deliver)
        self._callers: dict[str, tuple[float, Caller]] = {}
        self._asked: dict[str, asyncio.Task[Caller]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take in one request."""
        headers = dict(scope["headers"])
        caller = await self._caller(headers.get(b"authorization", b"").decode("latin-1"))
        caller.require(INGEST)
        if PERSON in headers:
            raise Invalid(
                "Events are told by machines: leave Tallygate-Person out.",
                param="Tallygate-Person",
            )
        if scope["query_string"]:
            check_query(QueryParams(scope["query_string"]))
        body = await self._body(headers, receive)
        kind = headers.get(b"content-type", b"").decode("latin-1")
        batch = decode(body, kind, caller.organization, self._settings.max_batch)
        told = answer(await self.store(batch))
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", str(len(told)).encode()),
                ],
            }
        )
        await send({"type": "http.response.body", "body": told})

    async def store(self, batch: Batch) -> Verdicts:
        """The verdicts of a batch, once it is on disk."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Verdicts] = loop.create_future()
        self._writer.submit(batch, (loop, future))
        return await future

    async def close(self) -> None:
        """Store and answer what waits; take nothing new."""
        await asyncio.to_thread(self._writer.close)

    async def _caller(self, authorization: str) -> Caller:
        now = asyncio.get_running_loop().time()
        known = self._callers.get(authorization)
        if known is not None and now < known[0]:
            return known[1]
        # Many requests under one key ask once, together.
        asked = self._asked.get(authorization)
        if asked is None:
            asked = asyncio.create_task(asyncio.to_thread(self._door.authenticate, authorization))
            asked.add_done_callback(lambda _: self._asked.pop(authorization, None))
            self._asked[authorization] = asked
        caller = await asyncio.shield(asked)
        if len(self._callers) >= MOST_KEYS:
            self._callers.clear()
        self._callers[authorization] = (now + KEY_SECONDS, caller)
        return caller

    async def _body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        most = self._settings.max_body_bytes
        announced = headers.get(b"content-length", b"")
        if announced.isdigit() and (len(announced) > 19 or int(announced) > most):
            raise _too_large(most)
        message = await receive()
        first: bytes = message.get("body", b"")
        if message["type"] == "http.request" and not message.get("more_body"):
            if len(first) > most:
                raise _too_large(most)
            return first
        parts, size = [first], len(first)
        while message.get("more_body"):
            message = await receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > most:
                raise _too_large(most)
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        return b"".join(parts)


def ingest_route(endpoint: EventsEndpoint) -> Route:
    """The route to mount beside the others."""
    return Route(PATH, endpoint, methods=["POST"], include_in_schema=False)


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The body has more than {most} bytes: send the events in smaller batches.")


def _deliver(outcomes: Sequence[tuple[Ticket, Outcome]]) -> None:
    """Wake the requests that wait; on the writer's thread, one call for each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Ticket, Outcome]]] = {}
    for ticket, outcome in outcomes:
        by_loop.setdefault(ticket[0], []).append((ticket, outcome))
    for loop, pairs in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, pairs)


def _resolve(pairs: Sequence[tuple[Ticket, Outcome]]) -> None:
    for (_, future), outcome in pairs:
        if future.done():
            continue
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

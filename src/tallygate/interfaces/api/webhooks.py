"""How does the payment provider tell us of what happened there?

It sends its events here, signed. No key is asked for: the signature over the raw bytes is the key.
What is signed is stored and answered; what waits while a commit is under way goes into the next
one together, so that many webhooks at once cost a few trips to the disk. Nothing is acknowledged
before it is on disk. Like `ingest_route`, it stands beside FastAPI's routes, for speed.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from tallygate.adapters.store.inbox import NewHint
from tallygate.core.errors import Conflict, Unreachable
from tallygate.interfaces.api.routes import PROBLEM
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.receive import Verifier, keep, verify

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PATH = "/v1/webhooks/stripe"
OTHER_PATHS = ("/api/v1/webhooks/stripe", "/webhooks/stripe")
"""Under which platforms may have told Stripe to find us."""

MAX_BODY_BYTES = 1024 * 1024
MOST_IN_GROUP = 500
MOST_WAITING = 5000

RECEIVING: dict[str, Any] = {
    "tags": ["webhooks"],
    "summary": "Receive an event of Stripe's",
    "operationId": "receive_stripe_event",
    "description": (
        "Answered when the event is on disk, whether it came before or not; settled later. What "
        "is not signed with a secret of the settings, or signed more than five minutes ago or "
        "ahead, is refused with 400."
    ),
    "x-scope": "signature",
    "parameters": [
        {
            "name": "Stripe-Signature",
            "in": "header",
            "required": True,
            "description": "`t=<seconds>,v1=<hex>`: HMAC-SHA256 over `<t>.<body>`.",
            "schema": {"type": "string"},
        }
    ],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}}},
    },
    "responses": {
        "200": {
            "description": "It is stored, now or before.",
            "content": {
                "application/json": {"schema": {"type": "object"}, "example": {"received": True}}
            },
        },
        "4XX": PROBLEM,
    },
}
"""How the path, which stands beside the framework, is described."""

_TOLD = b'{"received":true}'
_ANSWER = (
    {
        "type": "http.response.start",
        "status": 200,
        "headers": [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(_TOLD)).encode()),
        ],
    },
    {"type": "http.response.body", "body": _TOLD},
)


class Receiver:
    """Verifies what comes, and stores what comes at the same time in one transaction."""

    def __init__(self, installation: Installation, verifier: Verifier | None) -> None:
        self._installation = installation
        self._verifier = verifier
        self._waiting: list[tuple[NewHint, asyncio.Future[bool]]] = []
        self._keeping: asyncio.Task[None] | None = None

    async def receive(self, signature: str, body: bytes) -> None:
        """Take in one webhook; comes back when it is on disk.

        Raises:
            Conflict: no secret is set, so that no signature can be checked.
            Invalid: the provider did not send it.
            Unreachable: the database did not answer, or too much waits already.
        """
        if self._verifier is None:
            raise Conflict(
                "Webhooks are not taken here: STRIPE_WEBHOOK_SECRET is not set, so that nobody "
                "could tell who sent them.",
                code="no_webhook_secret",
            )
        hint = verify(self._installation, self._verifier, signature, body)
        if len(self._waiting) >= MOST_WAITING:
            raise Unreachable("Too many webhooks wait to be stored: send this one again later.")
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((hint, stored))
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep())
        with self._installation.store.right_of_way.held():
            await stored

    async def _keep(self) -> None:
        try:
            while self._waiting:
                group = self._waiting[:MOST_IN_GROUP]
                del self._waiting[:MOST_IN_GROUP]
                await self._keep_group(group)
        finally:
            self._keeping = None

    async def _keep_group(self, group: Sequence[tuple[NewHint, asyncio.Future[bool]]]) -> None:
        hints = [hint for hint, _ in group]
        try:
            new = await asyncio.to_thread(keep, self._installation, hints)
        except Exception as error:  # noqa: BLE001  # whatever it is, its sender has to hear of it
            if len(group) > 1 and not isinstance(error, Unreachable):
                for one in group:  # one spoils the transaction for all: each gets one of its own
                    await self._keep_group([one])
                return
            for _, stored in group:
                if not stored.done():
                    stored.set_exception(error)
            return
        for (_, stored), is_new in zip(group, new, strict=True):
            if not stored.done():
                stored.set_result(is_new)


class WebhooksEndpoint:
    """The ASGI application behind the paths."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take in one request; its length is bounded before it comes here."""
        request = Request(scope, receive)
        signature = ",".join(request.headers.getlist("stripe-signature"))
        await self.receiver.receive(signature, await request.body())
        for message in _ANSWER:
            await send(message)


def webhook_routes(endpoint: WebhooksEndpoint) -> list[Route]:
    """The routes to mount beside the others."""
    return [
        Route(path, endpoint, methods=["POST"], include_in_schema=False)
        for path in (PATH, *OTHER_PATHS)
    ]

"""How does the payment provider tell us of what happened there?

It sends its events here, signed. No key is asked for: the signature over the raw bytes is the key.
What is signed is stored and answered; what waits while a commit is under way goes into the next
one together, so that many webhooks at once cost a few trips to the disk. Nothing is acknowledged
before it is on disk.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

from fastapi import APIRouter
from starlette.requests import Request

from tallygate.adapters.store.inbox import NewHint
from tallygate.core.errors import Conflict, Unreachable
from tallygate.interfaces.api.routes import PROBLEM
from tallygate.interfaces.api.wire import Shape
from tallygate.workflows.installation import Installation
from tallygate.workflows.receive import Verifier, keep, verify

router = APIRouter(tags=["webhooks"])

PATH = "/v1/webhooks/stripe"
OTHER_PATHS = ("/api/v1/webhooks/stripe", "/webhooks/stripe")
"""Under which platforms may have told Stripe to find us."""

MAX_BODY_BYTES = 1024 * 1024
MOST_IN_GROUP = 500
MOST_WAITING = 5000

DESCRIPTION: dict[str, Any] = {
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
}


class ReceivedShape(Shape):
    """The event is stored, now or before."""

    received: Literal[True] = True


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


@router.post(
    PATH,
    summary="Receive an event of Stripe's",
    openapi_extra=DESCRIPTION,
    responses={"4XX": PROBLEM},
)
async def receive_stripe_event(request: Request) -> ReceivedShape:
    """Answered when the event is on disk, whether it came before or not; settled later.

    Refused with 400 is what is not signed with a secret of the settings, or signed more than five
    minutes ago or ahead.
    """
    receiver: Receiver = request.app.state.receiver
    signature = ",".join(request.headers.getlist("stripe-signature"))
    await receiver.receive(signature, await request.body())
    return ReceivedShape()


for _path in OTHER_PATHS:
    router.add_api_route(_path, receive_stripe_event, methods=["POST"], include_in_schema=False)

"""The payment provider, for a handler; and the record of what was asked of it."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request

from tallygate.collection.provider import Books
from tallygate.core.errors import Conflict
from tallygate.interfaces.api.callers import Caller
from tallygate.workflows.installation import Installation
from tallygate.workflows.record import record

OpenBooks = Callable[[], Books]


async def _provided(request: Request) -> Any:
    books: Books | None = request.app.state.books

    def opened() -> Books:
        if books is None:
            raise Conflict(
                "Nothing is collected here: set STRIPE_SECRET_KEY to the secret key of a Stripe "
                "account, and start the server again.",
                code="no_payment_provider",
            )
        return books

    return opened


async def _perhaps(request: Request) -> Any:
    return request.app.state.books


Provided = Annotated[OpenBooks, Depends(_provided)]
"""Gives the provider's books when called, after the handler has seen that it may ask for them."""

PerhapsProvided = Annotated[Books | None, Depends(_perhaps)]
"""The provider's books, or None where there is no provider."""


def recorded(
    here: Installation,
    caller: Caller,
    operation: str,
    subject: str,
    *,
    organization: str,
    billing_account: str,
    **detail: Any,
) -> None:
    """Record what a caller has had done."""
    with here.store.write() as tx:
        record(
            tx,
            here,
            caller.key,
            operation,
            subject,
            organization=organization,
            billing_account=billing_account,
            **detail,
        )

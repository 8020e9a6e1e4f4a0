"""How is something made at Stripe once, whatever happens on the way?

By looking for it first, and by an idempotency key made of all that is sent. Stripe answers a key
that it knows as it answered it before, for a day: an error too, and even where what it made is
gone. So the key ends in the number of an attempt, which rises only after looking has shown that
nothing is there.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from stripe import StripeError, StripeObject

from tallygate.adapters.stripe.errors import UNKNOWN, explanation
from tallygate.core.errors import Unreachable

ATTEMPTS = 5
IN_USE = 409

Make = Callable[[dict[str, Any]], StripeObject]
"""Sends the request, with these options."""


def make_once(intent: str, there: Callable[[], bool], make: Make) -> None:
    """Make something, unless it is there.

    Raises:
        Unreachable: it is unknown whether it was made.
        StripeError: Stripe refuses it.
    """
    failure: StripeError | None = None
    for attempt in range(1, ATTEMPTS + 1):
        if there():
            return
        try:
            made = make({"idempotency_key": f"{intent}-{attempt}"})
        except UNKNOWN as error:
            if error.http_status == IN_USE:
                raise
            failure = error
        else:
            if not _is_old_answer(made):
                return
    if there():
        return
    if failure is not None:
        raise explanation(failure)
    raise Unreachable(
        f"Stripe says {ATTEMPTS} times that it has made something that is not there: run the same "
        "again tomorrow, when it has forgotten these requests."
    )


def intent_of(kind: str, sent: dict[str, Any], instead_of: str | None = None) -> str:
    """The identity of a wish: what is sent, all of it, and what it replaces.

    >>> intent_of("price", {"unit_amount": "1"}) == intent_of("price", {"unit_amount": "2"})
    False
    """
    text = json.dumps([sent, instead_of], sort_keys=True)
    return f"tallygate-{kind}-{hashlib.sha256(text.encode()).hexdigest()[:40]}"


def _is_old_answer(made: StripeObject) -> bool:
    response = made.last_response
    return response is not None and response.headers.get("Idempotent-Replayed") == "true"

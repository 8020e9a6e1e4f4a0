"""What does it mean when a call of Stripe's fails?

Either Stripe refuses what we ask, and asking again is in vain, or it is unknown whether it was
done. The key never stands in a sentence, and Stripe's own words stand in it as they are.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import stripe

from tallygate.collection.provider import FailedThere, Unanswered
from tallygate.core.errors import Invalid, Refused, TallygateError, Unreachable

UNKNOWN = (stripe.APIConnectionError, stripe.APIError)
"""After these, the work may have been done or not."""

IN_USE = 409
NOT_FOUND = 404
TOO_MANY = 429
FAILED = 500

REPLAYED = "Idempotent-Replayed"
"""The header of an answer that was given to the same idempotency key before."""


@contextmanager
def explained() -> Iterator[None]:
    """Turn the SDK's errors into ours.

    Raises:
        Invalid: the key is wrong, or may not do this.
        Refused: Stripe refuses this as it stands.
        Unreachable: Stripe did not answer, or asks to come back later.
    """
    try:
        yield
    except stripe.StripeError as error:
        raise explanation(error) from None


@contextmanager
def told_apart() -> Iterator[None]:
    """Turn the SDK's errors into ours, by whether anything may have been done.

    Raises:
        Refused: Stripe refuses this as it stands.
        Unanswered: no answer came, or the same request is still under way.
        FailedThere: Stripe failed, and says so again to the same idempotency key.
        Unreachable: nothing was done: come back later, or when the key has been mended.
    """
    try:
        yield
    except stripe.StripeError as error:
        raise _outcome(error) from None


def explanation(error: stripe.StripeError) -> TallygateError:
    """The error as one of ours, with what to do."""
    said = _said(error)
    match error:
        case stripe.AuthenticationError():
            return Invalid(
                "Stripe does not know this key: set STRIPE_SECRET_KEY to the secret key of the "
                "account, from the dashboard's page of API keys.",
                code="stripe_key",
            )
        case stripe.PermissionError():
            sentence = f"The key in STRIPE_SECRET_KEY may not do this: {said}"
            return Invalid(sentence, code="stripe_key")
        case stripe.RateLimitError() | stripe.APIConnectionError() | stripe.APIError():
            return Unreachable(_why_unknown(error, said))
        case _:
            return Refused(f"Stripe refuses this: {said}", param=getattr(error, "param", None))


def is_missing(error: stripe.StripeError) -> bool:
    """Whether Stripe says that what was named is not there."""
    return error.http_status == NOT_FOUND or (
        isinstance(error, stripe.InvalidRequestError) and error.code == "resource_missing"
    )


def _outcome(error: stripe.StripeError) -> TallygateError:
    why, status = explanation(error), error.http_status or 0
    kind: type[TallygateError] | None = None
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        # It refuses the key and not the request, which stands until the key is mended.
        kind = Unreachable
    elif status == TOO_MANY:
        kind = Unreachable
    elif status >= FAILED or _header(error, REPLAYED) == "true":
        kind = FailedThere
    elif status == IN_USE or isinstance(error, UNKNOWN):
        kind = Unanswered
    return why if kind is None else kind(str(why))


def _header(error: stripe.StripeError, name: str) -> str | None:
    headers = {key.lower(): value for key, value in (error.headers or {}).items()}
    return headers.get(name.lower())


def _said(error: stripe.StripeError) -> str:
    return " ".join(str(error.user_message or error).split())[:500]


def _why_unknown(error: stripe.StripeError, said: str) -> str:
    again = "then run the same again: nothing is done twice."
    match error:
        case stripe.RateLimitError():
            return f"Stripe asks to slow down: wait a minute, {again}"
        case stripe.APIConnectionError():
            return (
                "Stripe cannot be reached: look at the network, and at STRIPE_API_BASE where it "
                f"is set, {again}"
            )
        case _:
            status = "" if error.http_status is None else f"{error.http_status}: "
            return f"Stripe failed ({status}{said}): wait a minute, {again}"

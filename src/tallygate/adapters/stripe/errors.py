"""What does it mean when a call of Stripe's fails?

Either Stripe refuses what we ask, and asking again is in vain, or it is unknown whether it was
done. The key never stands in a sentence, and Stripe's own words stand in it as they are.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import stripe

from tallygate.core.errors import Invalid, Refused, TallygateError, Unreachable

UNKNOWN = (stripe.APIConnectionError, stripe.APIError)
"""After these, the work may have been done or not."""


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


def explanation(error: stripe.StripeError) -> TallygateError:
    """The error as one of ours, with what to do."""
    said = " ".join(str(error.user_message or error).split())[:500]
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
            return f"Stripe failed ({error.http_status}: {said}): wait a minute, {again}"

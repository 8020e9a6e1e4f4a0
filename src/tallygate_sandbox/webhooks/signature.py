"""The header `Stripe-Signature`. Source: https://docs.stripe.com/webhooks#verify-manually."""

import hashlib
import hmac
from collections.abc import Iterable


def signature(payload: bytes, secrets: Iterable[str], at: int) -> str:
    """`t=<seconds>,v1=<hex>`, with one v1 for each secret: the whole secret string is the key."""
    message = f"{at}.".encode() + payload
    signed = [hmac.new(key.encode(), message, hashlib.sha256).hexdigest() for key in secrets]
    return ",".join([f"t={at}", *(f"v1={one}" for one in signed)])

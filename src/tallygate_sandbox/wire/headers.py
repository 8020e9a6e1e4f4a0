"""What a request says of itself: its key, its version, and what it sends."""

import base64
import re
from collections.abc import Mapping

from tallygate_sandbox.wire.refusals import Refusal

OLDEST = "2025-03-31"  # basil: the first version with today's meters and invoices
VERSION = re.compile(r"(\d{4}-\d{2}-\d{2})(\.[a-z]+)?(; *[\w=.;, ]+)?\Z")


def authenticate(authorization: str) -> None:
    """Take a test key as a bearer token or as the user name of basic authentication.

    Raises:
        Refusal: 401 without a key, with a live key, or with one that is no key.
    """
    scheme, _, credentials = authorization.partition(" ")
    key = credentials.strip()
    if scheme.lower() == "basic":
        try:
            key = base64.b64decode(key).decode().partition(":")[0]
        except ValueError:
            key = ""
    elif scheme.lower() != "bearer":
        key = ""
    if not key:
        raise Refusal(
            "You did not provide an API key. You need to provide your API key in the "
            "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
            "YOUR_SECRET_KEY').",
            status=401,
        )
    if key.startswith(("sk_live_", "rk_live_")):
        raise Refusal(
            "This is a local sandbox: it takes test keys (sk_test_...) and you sent a live one.",
            status=401,
            code="secret_key_required",
        )
    if not key.startswith(("sk_test_", "rk_test_", "mes_")):
        raise Refusal(f"Invalid API Key provided: {key[:8]}***", status=401)


def check_version(version: str) -> None:
    """Refuse a Stripe-Version that is none, or is older than what the sandbox speaks."""
    found = VERSION.match(version)
    if found is None:
        raise Refusal(f"Invalid Stripe API version: {version[:60]}")
    if found[1] < OLDEST:
        raise Refusal(
            f"Invalid Stripe API version: {version[:60]}. The sandbox speaks {OLDEST}.basil and "
            "later."
        )


def check_content(headers: Mapping[str, str], body: bytes) -> None:
    """Version 1 takes forms only."""
    kind = headers.get("content-type", "")
    if body and kind and not kind.startswith("application/x-www-form-urlencoded"):
        raise Refusal(
            "Invalid request (check that your POST content type is "
            "application/x-www-form-urlencoded). If you have any questions, we can help at "
            "https://support.stripe.com/."
        )

"""How is Stripe reached?

With the SDK's own retries (it makes none unless told) or at a pace of ours, and a time limit of
ours instead of its 80 seconds. Nothing about this machine is reported to Stripe.
"""

import stripe
from stripe import HTTPClient, RequestsClient, StripeClient

from tallygate.adapters.stripe.pace import TRIES, Calls, Pace, PacedClient

TIMEOUT_SECONDS = 20
RETRIES = 3
PLACES = ("api", "connect", "files", "meter_events")


def open_client(
    key: str,
    base: str | None = None,
    *,
    http_client: HTTPClient | None = None,
    retries: int = RETRIES,
) -> StripeClient:
    """A client for the account of this key; `base` is the address of a local Stripe."""
    stripe.enable_telemetry = False
    addresses = None if base is None else dict.fromkeys(PLACES, base.rstrip("/"))
    return StripeClient(
        key,
        base_addresses=addresses,  # type: ignore[arg-type]  # a TypedDict of these four
        max_network_retries=retries,
        http_client=http_client or RequestsClient(timeout=TIMEOUT_SECONDS),
    )


def open_paced_client(
    key: str,
    base: str | None,
    pace: Pace,
    *,
    http_client: HTTPClient | None = None,
    tries: int = TRIES,
) -> tuple[StripeClient, Calls]:
    """A client that keeps to this pace and sends again by itself, and the count of its requests.

    The SDK's own retries would repeat a 500 under its key, which Stripe answers as it did before.
    """
    paced = PacedClient(http_client or RequestsClient(timeout=TIMEOUT_SECONDS), pace, tries)
    return open_client(key, base, http_client=paced, retries=0), paced.calls

"""How is Stripe reached?

With the SDK's own retries (it makes none unless told) and a time limit of ours instead of its 80
seconds. Nothing about this machine is reported to Stripe.
"""

import stripe
from stripe import HTTPClient, RequestsClient, StripeClient

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

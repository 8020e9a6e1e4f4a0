"""Does Stripe answer, does it know the key, and does it leave us the time that we need?

One read of the balance, which every account has. A restricted key that may not read it is known
all the same. Sources: https://docs.stripe.com/api/balance/balance_retrieve;
https://docs.stripe.com/invoicing/scheduled-finalization on the grace of drafts.
"""

from contextlib import suppress
from datetime import timedelta

from stripe import PermissionError as NotPermitted
from stripe import RequestsClient, StripeClient

from tallygate.adapters.stripe.client import open_client
from tallygate.adapters.stripe.errors import explained

SECONDS = 5
DRAFTS = 10


def ask_for_balance(key: str, base: str | None = None) -> None:
    """Ask once, without a repetition.

    Raises:
        Invalid: Stripe does not know the key.
        Unreachable: Stripe does not answer, or not in time.
    """
    with explained(), suppress(NotPermitted):
        _client(key, base).v1.balance.retrieve()


def shortest_grace(key: str, base: str | None = None) -> timedelta | None:
    """How soon after its making one of the latest drafts is finalized; None: none shows it.

    Raises:
        Invalid: Stripe does not know the key, or it may not read invoices.
        Unreachable: Stripe does not answer, or not in time.
    """
    with explained():
        drafts = _client(key, base).v1.invoices.list({"status": "draft", "limit": DRAFTS})
    graces = [
        timedelta(seconds=one.automatically_finalizes_at - one.created)
        for one in drafts.data
        if one.automatically_finalizes_at is not None
    ]
    return min(graces, default=None)


def _client(key: str, base: str | None) -> StripeClient:
    return open_client(key, base, http_client=RequestsClient(timeout=SECONDS), retries=0)

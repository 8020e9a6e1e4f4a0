"""What does a browser get: a checkout, the portal, the secret of a first payment?"""

from typing import Any

import stripe
from stripe import StripeClient

from tallygate.adapters.stripe import seeing
from tallygate.adapters.stripe.listing import Listing
from tallygate.adapters.stripe.writing import Params
from tallygate.collection.seen import SeenSession

OPEN = "open"


class Sessions:
    """Reads and ends checkout sessions, and opens the portal."""

    def __init__(self, client: StripeClient) -> None:
        self._v1: Any = client.v1
        self._listing = Listing(client)
        self._configuration: str | None = None

    def session(self, ident: str) -> SeenSession:
        """A checkout session as it is now."""
        return seeing.session(self._v1.checkout.sessions.retrieve(ident).to_dict())

    def expire(self, ident: str) -> None:
        """Let nobody buy through it any more; Stripe refuses to end one that is over."""
        try:
            self._v1.checkout.sessions.expire(ident)
        except stripe.InvalidRequestError:
            if self._v1.checkout.sessions.retrieve(ident).status == OPEN:
                raise

    def portal(self, customer: str, return_url: str | None) -> str:
        """The address of a portal session that begins now, in the portal that we published.

        Where there is none, it is the account's own.
        """
        asked: Params = {"customer": customer}
        if self._configuration is None:
            ours = (one.id for one in self._listing.portals() if one.active)
            self._configuration = next(ours, None)
        if self._configuration is not None:
            asked["configuration"] = self._configuration
        if return_url is not None:
            asked["return_url"] = return_url
        return str(self._v1.billing_portal.sessions.create(asked).url)

    def client_secret(self, subscription: str) -> str | None:
        """The secret of the first payment that is open, or of the card that is to be set up."""
        expand = ["latest_invoice.confirmation_secret", "pending_setup_intent"]
        found = self._v1.subscriptions.retrieve(subscription, {"expand": expand}).to_dict()
        invoice, setup = found["latest_invoice"] or {}, found["pending_setup_intent"]
        secret = invoice.get("confirmation_secret")
        if invoice.get("status") == OPEN and secret is not None:
            return str(secret["client_secret"])
        return None if setup is None else str(setup["client_secret"])

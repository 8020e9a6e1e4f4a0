"""What would Stripe invoice? Its own previews, which change nothing.

Source: https://docs.stripe.com/api/invoices/create_preview.
"""

from typing import Any

import stripe
from stripe import StripeClient

from tallygate.adapters.stripe import asking, seeing
from tallygate.adapters.stripe.looking import WITH_DISCOUNTS, Looking
from tallygate.adapters.stripe.prices import Prices
from tallygate.adapters.stripe.writing import Params
from tallygate.collection.intents import ChangeFlats, StartSubscription
from tallygate.collection.seen import SeenInvoice

NONE = "invoice_upcoming_none"
DAY = 86_400


class Foreseeing:
    """Asks for previews."""

    def __init__(self, client: StripeClient, prices: Prices, looking: Looking) -> None:
        self._v1: Any = client.v1
        self._prices = prices
        self._looking = looking

    def start(self, intent: StartSubscription) -> SeenInvoice | None:
        """The first invoice of a subscription; None where nothing is billed at its start."""
        asked = asking.foreseen_start(intent, self._prices)
        if all(one.price.meter is not None for one in intent.items):
            return None
        foreseen = self._preview(asked)
        if intent.trial_days and foreseen is not None:
            # A trial ends at an instant, and only Stripe knows which one is now there.
            now = asking.seconds(foreseen.created_at)
            asked["subscription_details"]["trial_end"] = now + intent.trial_days * DAY
            foreseen = self._preview(asked)
        return foreseen

    def change(self, intent: ChangeFlats) -> SeenInvoice | None:
        """The invoice of a charged exchange of flats."""
        details = {"items": asking.exchanged(intent, self._prices), **asking.charged(intent)}
        return self._preview(
            {"subscription": intent.subscription, "subscription_details": details}
        )

    def upcoming(self, subscription: str) -> SeenInvoice | None:
        """The next invoice of a subscription; None where none will come."""
        return self._preview({"subscription": subscription})

    def _preview(self, asked: Params) -> SeenInvoice | None:
        try:
            expand = {"expand": [WITH_DISCOUNTS]}
            said = self._v1.invoices.create_preview(asked | expand).to_dict()
        except stripe.InvalidRequestError as error:
            if error.code != NONE:
                raise
            return None
        return seeing.invoice(said, self._looking.lines_of(said), self._prices)

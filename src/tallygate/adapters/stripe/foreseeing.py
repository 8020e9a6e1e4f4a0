"""What would Stripe invoice? Its own previews, which change nothing.

Source: https://docs.stripe.com/api/invoices/create_preview.
"""

from typing import Any

import stripe
from stripe import StripeClient

from tallygate.adapters.stripe import asking, seeing
from tallygate.adapters.stripe.looking import WITH_DISCOUNTS, Looking
from tallygate.adapters.stripe.prices import Prices, Said
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
        if intent.trial_days and foreseen is not None and foreseen.lines:
            # A trial ends at an instant, and only Stripe knows which one is now there.
            now = min(asking.seconds(line.period.start) for line in foreseen.lines)
            asked["subscription_details"]["trial_end"] = now + intent.trial_days * DAY
            foreseen = self._preview(asked)
        return foreseen

    def change(self, intent: ChangeFlats) -> SeenInvoice:
        """The invoice of a charged exchange of flats.

        Where nothing is prorated, as in a trial, Stripe shows the next renewal, or nothing: what
        it would invoice at once is an invoice without lines.
        """
        details = {"items": asking.exchanged(intent, self._prices), **asking.charged(intent)}
        foreseen = self._preview(
            {"subscription": intent.subscription, "subscription_details": details}
        )
        if foreseen is not None and any(line.kind == "proration" for line in foreseen.lines):
            return foreseen
        there = self._v1.subscriptions.retrieve(intent.subscription)
        return SeenInvoice("", "draft", "upcoming", there.currency, intent.at, (), 0)

    def upcoming(self, subscription: str) -> SeenInvoice | None:
        """The next invoice of a subscription; None where none will come."""
        said = self._said({"subscription": subscription})
        # It is called upcoming there, as every preview is; but this one bills a boundary.
        return None if said is None else self._seen({**said, "billing_reason": seeing.RENEWAL})

    def _preview(self, asked: Params) -> SeenInvoice | None:
        said = self._said(asked)
        return None if said is None else self._seen(said)

    def _said(self, asked: Params) -> Said | None:
        items = asked.get("subscription_details", {}).get("items", ())

        def preview(_: str) -> Said:
            sent = {**asked, "expand": [WITH_DISCOUNTS]}
            said: Said = self._v1.invoices.create_preview(sent).to_dict()
            return said

        try:
            return self._prices.sold(asking.prices_in(items), preview)
        except stripe.InvalidRequestError as error:
            if error.code != NONE:
                raise
            return None

    def _seen(self, said: Said) -> SeenInvoice:
        return seeing.invoice(said, self._looking.lines_of(said), self._prices)

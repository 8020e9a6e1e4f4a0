"""How does Stripe learn what was used, and what has it counted?

A total is a meter event. Its identifier is also its request's idempotency key: that is what an
error report names. Stripe remembers identifiers for a day and then forgets; who sends again later
looks first. Summaries are read over whole minutes.
Sources: https://docs.stripe.com/api/billing/meter-event,
https://docs.stripe.com/api/billing/meter-event-summary.
"""

from typing import Any

import stripe
from stripe import StripeClient

from tallygate.adapters.stripe.asking import seconds
from tallygate.adapters.stripe.prices import Prices
from tallygate.adapters.stripe.reading import CUSTOMER_KEY, VALUE_KEY
from tallygate.collection.intents import Total
from tallygate.collection.provider import Failure
from tallygate.core.period import Period

MINUTE = 60
ALREADY = "already exists with identifier"


class Usage:
    """Reports totals and reads them back."""

    def __init__(self, client: StripeClient, prices: Prices) -> None:
        self._v1: Any = client.v1
        self._v2: Any = client.v2
        self._prices = prices

    def report(self, total: Total) -> None:
        """Report a total; one that is there under its identifier was reported before."""
        sent = {
            "event_name": total.event,
            "payload": {CUSTOMER_KEY: total.customer, VALUE_KEY: str(total.total)},
            "identifier": total.identifier,
            "timestamp": seconds(total.stamp),
        }
        try:
            options = {"idempotency_key": total.identifier}
            self._v1.billing.meter_events.create(sent, options)
        except stripe.InvalidRequestError as error:
            if ALREADY not in str(error.user_message):
                raise

    def counted(self, customer: str, event: str, window: Period) -> int | None:
        """The total in the whole minutes of a window; None: no meter, no minute, or no row."""
        meter = self._prices.meter_of(event)
        start, end = -(-seconds(window.start) // MINUTE) * MINUTE, seconds(window.end)
        end -= end % MINUTE
        if meter is None or start >= end:
            return None
        asked = {"customer": customer, "start_time": start, "end_time": end}
        rows = self._v1.billing.meters.event_summaries.list(meter.id, asked).data
        # Stripe writes a whole number of at most 15 digits with a decimal point: it is exact.
        return int(rows[0].aggregated_value) if rows else None

    def failures(self, event_id: str) -> tuple[Failure, ...]:
        """The samples of an error report: a few of each kind, not all that failed."""
        told = self._v2.core.events.retrieve(event_id).to_dict()
        reason = (told.get("data") or {}).get("reason") or {}
        return tuple(
            Failure(one["request"]["identifier"], kind["code"], one["error_message"])
            for kind in reason.get("error_types") or ()
            for one in kind.get("sample_errors") or ()
        )

"""A small shop for the tests of checkout: what it sells, and a session for it."""

from dataclasses import dataclass
from typing import Any

from stripe import StripeClient
from stripe.checkout import Session

SUCCESS = "http://127.0.0.1:9/ok?session={CHECKOUT_SESSION_ID}"
CANCEL = "http://127.0.0.1:9/no"


@dataclass(frozen=True)
class Shop:
    """Prices: `monthly` $25, `yearly` $250, `once` $99, `metered` half a cent a message."""

    client: StripeClient
    monthly: str
    yearly: str
    once: str
    metered: str

    def open(self, **more: Any) -> Session:
        """A session for the monthly plan unless told otherwise; None leaves a parameter out."""
        params: dict[str, Any] = {
            "mode": "subscription",
            "line_items": [{"price": self.monthly, "quantity": 1}],
            "success_url": SUCCESS,
        }
        params |= more
        sent: Any = {key: value for key, value in params.items() if value is not None}
        return self.client.v1.checkout.sessions.create(sent)


def a_shop(client: StripeClient) -> Shop:
    product = client.v1.products.create({"name": "Pro plan"}).id
    messages = client.v1.products.create({"name": "Messages"}).id
    meter = client.v1.billing.meters.create(
        {
            "display_name": "Messages",
            "event_name": "messages",
            "default_aggregation": {"formula": "sum"},
        }
    )

    def price(**params: Any) -> str:
        wanted: Any = {"product": product, "currency": "usd", **params}
        return client.v1.prices.create(wanted).id

    return Shop(
        client,
        price(unit_amount=2500, recurring={"interval": "month"}),
        price(unit_amount=25000, recurring={"interval": "year"}),
        price(unit_amount=9900),
        price(
            product=messages,
            unit_amount_decimal="0.5",
            recurring={"interval": "month", "usage_type": "metered", "meter": meter.id},
        ),
    )


def event_types(client: StripeClient) -> list[str]:
    """What happened, oldest first."""
    return [event.type for event in reversed(client.v1.events.list({"limit": 100}).data)]

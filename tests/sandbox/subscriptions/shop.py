"""What is sold and to whom, in the words of the tests."""

from dataclasses import dataclass
from typing import Any

from stripe import Customer, Invoice, Subscription

from tallygate_sandbox.testing import RunningSandbox

START = 1_767_225_600  # 2026-01-01T00:00:00Z
HOUR, DAY = 3600, 86_400
FEBRUARY, MARCH = 1_769_904_000, 1_772_323_200
YEAR = 1_798_761_600  # 2027-01-01T00:00:00Z


@dataclass
class Shop:
    """A shop that sells subscriptions, and its sandbox."""

    client: Any  # the SDK's types refuse parameters that are put together
    sandbox: RunningSandbox

    def customer(self, card: str | None = "pm_card_visa", **more: Any) -> Any:
        if card is None:
            return self.client.v1.customers.create({"email": "a@example.org", **more})
        return self.client.v1.customers.create(
            {
                "email": "a@example.org",
                "payment_method": card,
                "invoice_settings": {"default_payment_method": card},
                **more,
            }
        )

    def price(self, amount: int = 2500, interval: Any = "month", **more: Any) -> Any:
        return self.client.v1.prices.create(
            {
                "currency": "usd",
                "unit_amount": amount,
                "recurring": {"interval": interval},
                "product_data": {"name": "Basic"},
                **more,
            }
        )

    def metered(self, event: str = "calls", amount: str = "2", **more: Any) -> Any:
        """A metered price of so many cents, and its meter, which sums."""
        meter = self.client.v1.billing.meters.create(
            {
                "display_name": event,
                "event_name": event,
                "default_aggregation": {"formula": "sum"},
            }
        )
        return self.client.v1.prices.create(
            {
                "currency": "usd",
                "unit_amount_decimal": amount,
                "recurring": {"interval": "month", "usage_type": "metered", "meter": meter.id},
                "product_data": {"name": "Usage"},
                **more,
            }
        )

    def use(self, customer: str, value: int, at: int, event: str = "calls") -> None:
        if at > self.sandbox.world.clock.now():
            self.advance(at)
        self.client.v1.billing.meter_events.create(
            {
                "event_name": event,
                "payload": {"stripe_customer_id": customer, "value": str(value)},
                "timestamp": at,
            }
        )

    def subscribe(self, customer: Customer, *prices: Any, **more: Any) -> Any:
        items = [one if isinstance(one, dict) else {"price": one.id} for one in prices]
        return self.client.v1.subscriptions.create(
            {"customer": customer.id, "items": items, **more}
        )

    def update(self, sub: Subscription, **more: Any) -> Any:
        return self.client.v1.subscriptions.update(sub.id, more)

    def read(self, sub: Subscription) -> Any:
        return self.client.v1.subscriptions.retrieve(sub.id)

    def latest(self, sub: Subscription) -> Any:
        found = self.read(sub).latest_invoice
        assert isinstance(found, str)
        return self.client.v1.invoices.retrieve(found)

    def invoices(self, sub: Subscription) -> Any:
        """A subscription's invoices, oldest first."""
        listed = self.client.v1.invoices.list({"subscription": sub.id, "limit": 100})
        return list(listed.data[::-1])

    def advance(self, instant: int) -> None:
        self.sandbox.advance_to(instant)

    def events(self, *names: str) -> list[Any]:
        """Events of these kinds, oldest first."""
        listed = self.client.v1.events.list({"types": list(names), "limit": 100})
        return list(listed.data[::-1])


def amounts(invoice: Invoice) -> list[int]:
    """The amounts of an invoice's lines."""
    return [line.amount for line in invoice.lines.data]


def refused(error: Any) -> tuple[int, str | None, str | None]:
    """A refusal's status, code and param."""
    return error.http_status, error.error.code, error.error.param


def said(what: str, seconds: float) -> None:
    """Show a duration with `-s`; nothing is asserted of it."""
    print(f"{what}: {seconds:.3f} s")  # noqa: T201 it is shown with -s

"""What may still name a customer who was deleted? Nothing that creates."""

from collections.abc import Callable

import pytest
import stripe
from stripe import StripeClient


def test_nothing_new_is_made_for_a_deleted_customer(client: StripeClient) -> None:
    customer = client.v1.customers.create({"name": "Gone"}).id
    client.v1.customers.delete(customer)
    attempts: list[Callable[[], object]] = [
        lambda: client.v1.invoice_items.create(
            {"customer": customer, "amount": 100, "currency": "usd"}
        ),
        lambda: client.v1.invoices.create({"customer": customer}),
        lambda: client.v1.billing_portal.sessions.create({"customer": customer}),
        lambda: client.v1.checkout.sessions.create(
            {"customer": customer, "mode": "setup", "success_url": "http://127.0.0.1/"}
        ),
    ]
    for attempt in attempts:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            attempt()
        assert refused.value.code == "resource_missing"
        assert refused.value.param == "customer"

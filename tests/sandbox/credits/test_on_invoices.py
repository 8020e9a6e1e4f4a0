"""Credit on a real invoice: a subscription's usage, its renewal, its voiding."""

from typing import Any

from stripe import StripeClient
from tests.sandbox.conftest import START
from tests.sandbox.credits.conftest import Crediting

from tallygate_sandbox.testing import RunningSandbox

FEBRUARY = START + 31 * 24 * 3600


def test_usage_is_paid_with_credit_at_finalization(
    crediting: Crediting, client: StripeClient, sandbox: RunningSandbox
) -> None:
    subscription = client.v1.subscriptions.create(
        {
            "customer": crediting.customer,
            "items": [{"price": crediting.prices[0]}],
            "collection_method": "send_invoice",
            "days_until_due": 30,
        }
    )
    crediting.grant(300)
    client.v1.billing.meter_events.create(
        {
            "event_name": "messages",
            "payload": {"stripe_customer_id": crediting.customer, "value": "500"},
            "timestamp": START,
        }
    )
    sandbox.advance_to(FEBRUARY)
    (draft,) = client.v1.invoices.list({"subscription": subscription.id, "status": "draft"}).data
    assert draft.amount_due == 500
    assert crediting.balance() == {"usd": (300, 300)}
    sandbox.advance_to(FEBRUARY + 3600)
    invoice: Any = client.v1.invoices.retrieve(draft.id)
    # 500 messages at 1 cent, 300 cents of them prepaid.
    assert (invoice.status, invoice.subtotal, invoice.total) == ("open", 500, 200)
    assert [one.amount for one in invoice.total_pretax_credit_amounts] == [300]
    assert crediting.balance() == {"usd": (0, 0)}
    client.v1.invoices.void_invoice(invoice.id)
    assert crediting.balance() == {"usd": (300, 300)}


def test_usage_of_an_item_that_goes_is_paid_with_credit_too(
    crediting: Crediting, client: StripeClient, sandbox: RunningSandbox
) -> None:
    """It waits as an invoice item, and is none the less usage of a metered price."""
    flat = client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 100,
            "recurring": {"interval": "month"},
            "product_data": {"name": "Flat"},
        }
    ).id
    subscription: Any = client.v1.subscriptions.create(
        {
            "customer": crediting.customer,
            "items": [{"price": crediting.prices[0]}, {"price": flat}],
            "collection_method": "send_invoice",
            "days_until_due": 30,
        }
    )
    crediting.grant(300)
    client.v1.billing.meter_events.create(
        {
            "event_name": "messages",
            "payload": {"stripe_customer_id": crediting.customer, "value": "500"},
            "timestamp": START,
        }
    )
    sandbox.advance_to(START + 3600)
    items = {item.price.id: item.id for item in subscription["items"].data}
    client.v1.subscription_items.delete(items[crediting.prices[0]])
    sandbox.advance_to(FEBRUARY + 3600)
    invoice: Any = client.v1.invoices.list({"subscription": subscription.id}).data[0]
    assert sorted(line.amount for line in invoice.lines.data) == [100, 500]
    assert (invoice.subtotal, invoice.total) == (600, 300)
    assert [one.amount for one in invoice.total_pretax_credit_amounts] == [300]

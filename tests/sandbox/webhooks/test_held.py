"""A draft of which nobody has heard is not finalized: for 72 hours at most."""

from stripe import StripeClient
from tests.sandbox.conftest import START
from tests.sandbox.webhooks.conftest import Receiver

from tallygate_sandbox.testing import RunningSandbox

HOUR, DAY = 3600, 86_400
RENEWAL = START + 31 * DAY


def subscribed(client: StripeClient, receiver: Receiver) -> str:
    """A customer with a month begun, whose next draft is told to the receiver."""
    customer = client.v1.customers.create({"payment_method": "pm_card_visa"})
    [card] = client.v1.payment_methods.list({"customer": customer.id}).data
    product = client.v1.products.create({"name": "Starter"})
    price = client.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 2900,
            "recurring": {"interval": "month"},
        }
    )
    client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price.id}],
            "default_payment_method": card.id,
        }
    )
    client.v1.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": ["invoice.created"]}
    )
    return customer.id


def status(client: StripeClient, customer: str) -> str | None:
    return client.v1.invoices.list({"customer": customer}).data[0].status


def test_a_draft_waits_until_its_webhook_is_taken(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver
) -> None:
    customer = subscribed(client, receiver)
    receiver.answers = [500, 500]  # at once, and ten minutes later; taken 70 minutes later
    sandbox.advance_to(RENEWAL + HOUR)
    assert status(client, customer) == "draft"
    sandbox.advance_to(RENEWAL + 2 * HOUR - 1)
    assert status(client, customer) == "draft"
    sandbox.advance_to(RENEWAL + 2 * HOUR)
    assert status(client, customer) == "paid"


def test_it_waits_for_72_hours_at_most(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver
) -> None:
    customer = subscribed(client, receiver)
    receiver.answers = [500] * 9
    sandbox.advance_to(RENEWAL + 72 * HOUR - 1)
    assert status(client, customer) == "draft"
    sandbox.advance_to(RENEWAL + 72 * HOUR)
    assert status(client, customer) == "paid"


def test_a_chosen_time_waits_for_nobody(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver
) -> None:
    customer = subscribed(client, receiver)
    receiver.answers = [500] * 9
    sandbox.advance_to(RENEWAL)
    draft = client.v1.invoices.list({"customer": customer}).data[0]
    at = RENEWAL + 5 * HOUR
    client.v1.invoices.update(draft.id, {"automatically_finalizes_at": at, "auto_advance": True})
    sandbox.advance_to(at)
    assert status(client, customer) == "paid"

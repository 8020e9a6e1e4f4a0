"""What comes of a session when a person completes it, with every kind of card."""

import json
from typing import Any
from urllib.error import HTTPError

import pytest
from stripe import StripeClient
from tests.sandbox.checkout.shop import Shop, event_types
from tests.sandbox.conftest import START

from tallygate_sandbox.testing import RunningSandbox

DAY = 86_400
DECLINED, SAVED_THEN_DECLINED = "4000000000000002", "4000000000000341"
SHIRT = {"currency": "usd", "unit_amount": 2500, "product_data": {"name": "Shirt"}}
THREE_D_SECURE, POOR = "4000002500003155", "4000000000009995"


def complete(sandbox: RunningSandbox, session: str, **filled_in: Any) -> dict[str, Any]:
    return sandbox.control(f"checkout/sessions/{session}/complete", filled_in)


def refused(sandbox: RunningSandbox, session: str, **filled_in: Any) -> dict[str, Any]:
    with pytest.raises(HTTPError) as caught:
        complete(sandbox, session, **filled_in)
    with caught.value as answer:
        error: dict[str, Any] = json.load(answer)["error"]
    return error


def test_a_subscription_begins_and_its_events_come_in_stripes_order(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    before = len(event_types(client))
    session = shop.open(
        metadata={"of": "session"}, subscription_data={"metadata": {"of": "subscription"}}
    )
    done = complete(sandbox, session.id, email="ada@example.com", name="Ada")
    assert done["status"] == "complete"
    assert done["payment_status"] == "paid"
    assert done["url"] is None
    assert done["customer_details"]["email"] == "ada@example.com"
    customer = client.v1.customers.retrieve(done["customer"])
    assert (customer.email, customer.name) == ("ada@example.com", "Ada")
    subscription = client.v1.subscriptions.retrieve(done["subscription"])
    assert subscription.status == "active"
    assert subscription.metadata["of"] == "subscription"
    method = client.v1.payment_methods.retrieve(str(subscription.default_payment_method))
    assert method.customer == customer.id
    invoice = client.v1.invoices.retrieve(done["invoice"])
    assert (invoice.status, invoice.amount_paid) == ("paid", 2500)
    happened = event_types(client)[before:]
    told = [
        "customer.created",
        "payment_method.attached",
        "invoice.created",
        "invoice.finalized",
        "customer.subscription.created",
        "payment_intent.succeeded",
        "invoice.paid",
        "customer.subscription.updated",
        "checkout.session.completed",
    ]
    assert [event for event in happened if event in told] == told
    created = client.v1.events.list({"type": "customer.subscription.created"}).data[0]
    assert created.data.object["status"] == "incomplete"


def test_a_card_that_declines_at_once_leaves_nothing_behind(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    session = shop.open()
    error = refused(sandbox, session.id, card=DECLINED, email="a@example.com")
    assert (error["code"], error["decline_code"]) == ("card_declined", "generic_decline")
    assert client.v1.customers.list().data == []
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert complete(sandbox, session.id, email="a@example.com")["payment_status"] == "paid"


def test_a_second_card_pays_the_same_subscription(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    session = shop.open()
    error = refused(sandbox, session.id, card=SAVED_THEN_DECLINED, email="a@example.com")
    assert error["code"] == "card_declined"
    (first,) = client.v1.subscriptions.list({"status": "all"}).data
    assert first.status == "incomplete"
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
    done = complete(sandbox, session.id, email="a@example.com")
    assert done["subscription"] == first.id
    assert len(client.v1.customers.list().data) == 1
    paid = client.v1.subscriptions.retrieve(first.id)
    assert paid.status == "active"
    method = client.v1.payment_methods.retrieve(str(paid.default_payment_method))
    assert method.card is not None
    assert method.card.last4 == "4242"


def test_three_d_secure_is_waited_for(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    session = shop.open()
    card = {"card": THREE_D_SECURE, "email": "a@example.com"}
    waiting = complete(sandbox, session.id, **card, authenticate="wait")
    assert waiting["status"] == "open"
    failed = refused(sandbox, session.id, **card, authenticate="fail")
    assert failed["code"] == "payment_intent_authentication_failure"
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
    done = complete(sandbox, session.id, **card, authenticate="complete")
    assert (done["status"], done["payment_status"]) == ("complete", "paid")


@pytest.mark.parametrize("card", ["4242424242424242", THREE_D_SECURE])
def test_a_trial_sets_the_card_up_and_charges_nothing(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop, card: str
) -> None:
    session = shop.open(subscription_data={"trial_period_days": 14})
    done = complete(sandbox, session.id, card=card, email="a@example.com")
    assert done["payment_status"] == "no_payment_required"
    subscription = client.v1.subscriptions.retrieve(done["subscription"])
    assert subscription.status == "trialing"
    assert subscription.trial_end == START + 14 * DAY
    assert subscription.default_payment_method
    assert client.v1.charges.list().data == []
    sandbox.advance_to(START + 14 * DAY + 2 * 3600)
    assert client.v1.subscriptions.retrieve(done["subscription"]).status == "active"


def test_no_card_is_asked_for_where_none_is_required(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    session = shop.open(
        payment_method_collection="if_required",
        subscription_data={
            "trial_period_days": 7,
            "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}},
        },
    )
    done = complete(sandbox, session.id, email="a@example.com")
    assert client.v1.subscriptions.retrieve(done["subscription"]).default_payment_method is None
    sandbox.advance_to(START + 8 * DAY)
    assert client.v1.subscriptions.retrieve(done["subscription"]).status == "canceled"


def test_a_guest_pays_once(sandbox: RunningSandbox, client: StripeClient, shop: Shop) -> None:
    session = shop.open(
        mode="payment",
        line_items=[{"price": shop.once, "quantity": 2}],
        payment_intent_data={"description": "Two fees", "metadata": {"a": "b"}},
    )
    error = refused(sandbox, session.id, card=POOR, email="a@example.com")
    assert error["decline_code"] == "insufficient_funds"
    done = complete(sandbox, session.id, email="a@example.com")
    assert done["customer"] is None
    intent = client.v1.payment_intents.retrieve(done["payment_intent"])
    assert (intent.status, intent.amount_received) == ("succeeded", 19800)
    assert (intent.description, intent.metadata["a"]) == ("Two fees", "b")
    assert len(client.v1.payment_intents.list().data) == 1
    found = client.v1.checkout.sessions.list({"payment_intent": intent.id}).data
    assert [one.id for one in found] == [session.id]


def test_a_payment_may_make_a_customer_and_an_invoice(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    session = shop.open(
        mode="payment",
        line_items=[{"price": shop.once, "quantity": 1}],
        customer_creation="always",
        invoice_creation={"enabled": True, "invoice_data": {"description": "Thanks"}},
    )
    done = complete(sandbox, session.id, email="a@example.com")
    invoice = client.v1.invoices.retrieve(done["invoice"])
    assert (invoice.status, invoice.amount_paid) == ("paid", 9900)
    assert invoice.description == "Thanks"
    assert invoice.customer == done["customer"]


def test_a_card_is_saved(sandbox: RunningSandbox, client: StripeClient, shop: Shop) -> None:
    customer = client.v1.customers.create({"email": "a@example.com"}).id
    session = shop.open(mode="setup", line_items=None, currency="usd", customer=customer)
    done = complete(sandbox, session.id)
    assert done["payment_status"] == "no_payment_required"
    intent = client.v1.setup_intents.retrieve(done["setup_intent"])
    assert intent.status == "succeeded"
    saved = client.v1.customers.payment_methods.list(customer).data
    assert [method.id for method in saved] == [intent.payment_method]


def test_what_is_used_is_billed_after_the_first_period(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    lines = [{"price": shop.monthly, "quantity": 1}, {"price": shop.metered}]
    session = shop.open(line_items=lines)
    done = complete(sandbox, session.id, email="a@example.com")
    assert client.v1.invoices.retrieve(done["invoice"]).amount_paid == 2500
    client.v1.billing.meter_events.create(
        {
            "event_name": "messages",
            "payload": {"stripe_customer_id": done["customer"], "value": "1001"},
        }
    )
    sandbox.advance_to(START + 31 * DAY + 2 * 3600)
    newest = client.v1.invoices.list({"customer": done["customer"]}).data[0]
    # 1001 at half a cent is 500.5, rounded half up; and the next month in advance.
    assert newest.amount_paid == 2500 + 501


def test_a_promotion_code_reduces_the_first_invoice(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    coupon = client.v1.coupons.create({"percent_off": 20, "duration": "once"}).id
    code = client.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon}, "code": "LAUNCH"}
    )
    session = shop.open(allow_promotion_codes=True)
    wrong = refused(sandbox, session.id, email="a@example.com", promotion_code="NOPE")
    assert wrong["message"] == "This code is invalid."
    done = complete(sandbox, session.id, email="a@example.com", promotion_code="launch")
    assert done["amount_total"] == 2000
    assert done["discounts"] == [{"coupon": None, "promotion_code": code.id}]
    assert client.v1.invoices.retrieve(done["invoice"]).amount_paid == 2000
    assert client.v1.promotion_codes.retrieve(code.id).times_redeemed == 1


def test_a_session_is_completed_once(sandbox: RunningSandbox, shop: Shop) -> None:
    session = shop.open()
    complete(sandbox, session.id, email="a@example.com")
    error = refused(sandbox, session.id, email="a@example.com")
    assert error["message"] == "This Checkout Session is complete."


def test_an_email_is_needed_unless_it_is_known(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    assert refused(sandbox, shop.open().id)["param"] == "email"
    known = shop.open(customer=client.v1.customers.create({"email": "a@example.com"}).id)
    assert complete(sandbox, known.id)["status"] == "complete"
    customer = client.v1.customers.create({}).id
    complete(sandbox, shop.open(customer=customer).id, email="new@example.com")
    assert client.v1.customers.retrieve(customer).email == "new@example.com"


def test_an_anchored_subscription_pays_for_what_is_left(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    anchor = START + 15 * DAY + 12 * 3600
    session = shop.open(subscription_data={"billing_cycle_anchor": anchor})
    done = complete(sandbox, session.id, email="a@example.com")
    assert client.v1.invoices.retrieve(done["invoice"]).amount_paid == 1250
    assert done["amount_total"] == 1250


@pytest.mark.parametrize(
    ("inclusive", "total_and_tax"),
    [(False, (2700, 450)), (True, (2250, 375))],  # 20 % on top of 22.50, or inside it
)
def test_tax_is_that_of_the_invoice(
    sandbox: RunningSandbox,
    client: StripeClient,
    shop: Shop,
    inclusive: bool,
    total_and_tax: tuple[int, int],
) -> None:
    rate = client.v1.tax_rates.create(
        {"display_name": "VAT", "percentage": 20, "inclusive": inclusive}
    ).id
    tenth = client.v1.coupons.create({"percent_off": 10, "duration": "once"}).id
    line = {"price": shop.monthly, "quantity": 1, "tax_rates": [rate]}
    for params in (
        {"line_items": [line]},
        {"subscription_data": {"default_tax_rates": [rate]}},
        {
            "mode": "payment",
            "line_items": [{**line, "price_data": SHIRT} | {"price": None}],
            "invoice_creation": {"enabled": True},
        },
    ):
        session = shop.open(discounts=[{"coupon": tenth}], **params)
        assert session.total_details is not None
        assert (session.amount_total, session.total_details.amount_tax) == total_and_tax
        done = complete(sandbox, session.id, email="a@example.com")
        assert client.v1.invoices.retrieve(done["invoice"]).amount_paid == total_and_tax[0]


def test_what_was_priced_on_the_spot_is_sold_by_its_session_only(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    priced = {**SHIRT, "recurring": {"interval": "month"}}
    session = shop.open(line_items=[{"price_data": priced, "quantity": 1}])
    done = complete(sandbox, session.id, email="a@example.com")
    (item,) = client.v1.subscription_items.list({"subscription": done["subscription"]}).data
    assert client.v1.prices.retrieve(item.price.id).active is False
    sandbox.advance_to(START + 32 * DAY)
    assert client.v1.invoices.list().data[0].amount_paid == 2500

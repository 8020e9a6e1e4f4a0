"""Card sources: what customers have paid with since before there were payment methods."""

from collections.abc import Callable
from typing import Any

import pytest
from stripe import CardError, InvalidRequestError, StripeClient
from tests.sandbox.subscriptions.shop import DAY, FEBRUARY, HOUR, Shop, refused

from tallygate_sandbox.testing import RunningSandbox


@pytest.fixture
def shop(client: StripeClient, sandbox: RunningSandbox) -> Shop:
    return Shop(client, sandbox)


def add(shop: Shop, customer: str, source: str = "tok_visa", **more: Any) -> Any:
    return shop.client.v1.customers.payment_sources.create(customer, {"source": source, **more})


def kept(shop: Shop, customer: str) -> list[str]:
    listed = shop.client.v1.customers.payment_sources.list(customer)
    return [one.id for one in listed.data]


def default(shop: Shop, customer: str) -> Any:
    return shop.client.v1.customers.retrieve(customer).default_source


def payer(shop: Shop, invoice: str) -> Any:
    """What an invoice's intent was confirmed with."""
    payments = shop.client.v1.invoice_payments.list({"invoice": invoice}).data
    intent = shop.client.v1.payment_intents.retrieve(payments[-1].payment.payment_intent)
    return intent.payment_method


def test_the_first_source_is_the_default_and_the_newest_follows_it(shop: Shop) -> None:
    customer = shop.customer(None).id
    first = add(shop, customer, metadata={"a": "b"})
    assert (first.object, first.brand, first.last4) == ("card", "Visa", "4242")
    assert (first.customer, first.metadata["a"], first.cvc_check) == (customer, "b", "pass")
    second = add(shop, customer, "tok_mastercard")
    third = add(shop, customer, "tok_amex")
    assert (second.brand, third.brand) == ("MasterCard", "American Express")
    assert kept(shop, customer) == [third.id, second.id, first.id]
    assert default(shop, customer) == first.id
    methods = shop.client.v1.payment_methods.list({"customer": customer, "type": "card"}).data
    assert [one.id for one in methods] == [third.id, second.id, first.id]
    sources = shop.client.v1.customers.payment_sources
    gone = sources.delete(customer, first.id)
    assert (gone.id, gone.deleted) == (first.id, True)
    assert default(shop, customer) == third.id
    shop.client.v1.payment_methods.detach(third.id)
    sources.delete(customer, second.id)
    assert (default(shop, customer), kept(shop, customer)) == (None, [])
    assert [event.data.object["id"] for event in shop.events("customer.source.deleted")] == [
        first.id,
        third.id,
        second.id,
    ]
    with pytest.raises(InvalidRequestError) as error:
        sources.retrieve(customer, first.id)
    assert refused(error.value) == (404, "resource_missing", "id")


def test_what_comes_and_changes_is_told(shop: Shop) -> None:
    customer = shop.customer(None).id
    card = add(shop, customer)
    sources = shop.client.v1.customers.payment_sources
    changed = sources.update(
        customer, card.id, {"name": "Ada", "address_zip": "53113", "exp_month": "7"}
    )
    assert (changed.name, changed.address_zip, changed.exp_month) == ("Ada", "53113", 7)
    assert sources.retrieve(customer, card.id).name == "Ada"
    (created,) = shop.events("customer.source.created")
    assert (created.data.object["object"], created.data.object["id"]) == ("card", card.id)
    (updated,) = shop.events("customer.source.updated")
    assert updated.data.previous_attributes["name"] is None
    seen = shop.client.v1.customers.retrieve(customer, {"expand": ["default_source", "sources"]})
    assert (seen.default_source.name, seen.sources.data[0].id) == ("Ada", card.id)
    assert shop.client.v1.payment_methods.retrieve(card.id).billing_details.name == "Ada"


@pytest.mark.parametrize(
    ("token", "code", "decline"),
    [
        ("tok_chargeDeclined", "card_declined", "generic_decline"),
        ("tok_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("tok_chargeDeclinedExpiredCard", "expired_card", None),
    ],
)
def test_a_declined_card_becomes_no_source(
    shop: Shop, token: str, code: str, decline: str | None
) -> None:
    customer = shop.customer(None).id
    with pytest.raises(CardError) as error:
        add(shop, customer, token)
    assert error.value.error is not None
    assert (error.value.code, error.value.error.decline_code) == (code, decline)
    assert kept(shop, customer) == []


def test_what_is_no_source_is_refused(shop: Shop) -> None:
    customer, other = shop.customer(None).id, shop.customer(None).id
    card, theirs = add(shop, customer).id, add(shop, other).id
    update = shop.client.v1.customers.update
    price = shop.price()
    items = [{"price": price.id}]
    wrong: list[tuple[Callable[[], object], str]] = [
        (lambda: add(shop, customer, "tok_nobody"), "source"),
        (lambda: add(shop, customer, "pm_card_visa"), "source"),
        (lambda: update(customer, {"default_source": theirs}), "default_source"),
        (
            lambda: shop.client.v1.subscriptions.create(
                {"customer": customer, "items": items, "default_source": theirs}
            ),
            "default_source",
        ),
        (
            lambda: shop.client.v1.invoices.create(
                {"customer": customer, "default_source": theirs}
            ),
            "default_source",
        ),
    ]
    for call, param in wrong:
        with pytest.raises(InvalidRequestError) as error:
            call()
        assert refused(error.value) == (400, "resource_missing", param)
    assert default(shop, customer) == card


def test_a_customer_brings_its_source_along_and_replaces_it(shop: Shop) -> None:
    made = shop.customer(None, source="tok_visa")
    assert made.default_source == kept(shop, made.id)[0]
    assert [e.type for e in shop.events("customer.created", "customer.updated")] == [
        "customer.created"
    ]
    update = shop.client.v1.customers.update
    changed = update(made.id, {"source": "tok_mastercard"})
    assert kept(shop, made.id) == [changed.default_source]
    assert changed.default_source != made.default_source
    (updated,) = shop.events("customer.updated")
    assert updated.data.previous_attributes["default_source"] == made.default_source
    second = add(shop, made.id)
    assert update(made.id, {"default_source": second.id}).default_source == second.id
    with pytest.raises(CardError):
        update(made.id, {"source": "tok_chargeDeclined"})
    assert default(shop, made.id) == second.id
    shop.client.v1.customers.delete(made.id)
    assert len(shop.events("customer.source.deleted")) == 3


def test_the_order_in_which_a_subscription_is_paid(shop: Shop) -> None:
    """Each that goes leaves the next one to pay: method, source; method, source."""
    client = shop.client.v1
    customer = shop.customer(None).id
    last, own_source = add(shop, customer).id, add(shop, customer, "tok_mastercard").id
    usual, own = (
        client.payment_methods.attach(card, {"customer": customer}).id
        for card in ("pm_card_amex", "pm_card_discover")
    )
    client.customers.update(customer, {"invoice_settings": {"default_payment_method": usual}})
    sub = client.subscriptions.create(
        {
            "customer": customer,
            "items": [{"price": shop.price(interval="day").id}],
            "default_payment_method": own,
            "default_source": own_source,
        }
    )
    assert sub.default_source == own_source
    paid = [payer(shop, shop.latest(sub).id)]
    for day, gone in enumerate([own, own_source, usual], start=1):
        client.payment_methods.detach(gone)
        shop.advance(shop.sandbox.world.clock.now() // DAY * DAY + DAY + 2 * HOUR)
        assert len(shop.invoices(sub)) == day + 1
        paid.append(payer(shop, shop.latest(sub).id))
    assert paid == [own, own_source, usual, last]


def test_a_charge_names_the_source_it_took(shop: Shop) -> None:
    customer = shop.customer(None, source="tok_visa")
    sub = shop.subscribe(customer, shop.price())
    assert (sub.status, shop.latest(sub).status) == ("active", "paid")
    (charge,) = shop.client.v1.charges.list({"customer": customer.id}).data
    assert (charge.source.object, charge.source.id) == ("card", customer.default_source)
    intent = shop.client.v1.payment_intents.retrieve(charge.payment_intent)
    assert (intent.source, intent.payment_method) == (charge.source.id, charge.source.id)
    assert shop.update(sub, default_source=charge.source.id).default_source == charge.source.id
    assert shop.update(sub, default_source="").default_source is None


def test_a_new_source_pays_what_is_past_due(shop: Shop) -> None:
    customer = shop.customer(None, source="tok_visa")
    sub = shop.subscribe(customer, shop.price())
    shop.client.v1.customers.update(customer.id, {"source": "tok_chargeCustomerFail"})
    shop.advance(FEBRUARY + 2 * HOUR)
    assert shop.read(sub).status == "past_due"
    planned = shop.latest(sub).next_payment_attempt
    other = add(shop, customer.id).id
    shop.client.v1.customers.update(customer.id, {"default_source": other})
    assert (shop.read(sub).status, shop.latest(sub).next_payment_attempt) == ("past_due", planned)
    shop.client.v1.customers.update(customer.id, {"source": "tok_mastercard"})
    assert (shop.read(sub).status, shop.latest(sub).status) == ("active", "paid")
    assert shop.latest(sub).attempt_count == 1


def test_an_invoice_has_a_source_of_its_own(shop: Shop) -> None:
    customer = shop.customer(None, source="tok_visa").id
    other = add(shop, customer, "tok_amex").id
    shop.client.v1.invoice_items.create({"customer": customer, "currency": "usd", "amount": 900})
    draft = shop.client.v1.invoices.create(
        {
            "customer": customer,
            "default_source": other,
            "pending_invoice_items_behavior": "include",
        }
    )
    assert shop.client.v1.invoices.pay(draft.id).status == "paid"
    assert payer(shop, draft.id) == other

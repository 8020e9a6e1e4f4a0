"""Payment methods and the customers they belong to."""

from typing import Any

import pytest
import stripe
from stripe import StripeClient

from tallygate_sandbox import payments
from tallygate_sandbox.testing import RunningSandbox


@pytest.fixture
def customer(client: StripeClient) -> str:
    return client.v1.customers.create({}).id


def refused(call: object, *args: object) -> stripe.InvalidRequestError:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        call(*args)  # type: ignore[operator]  # a method of the SDK
    return caught.value


def test_attach_list_and_detach(
    client: StripeClient, sandbox: RunningSandbox, customer: str
) -> None:
    visa = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    amex = client.v1.payment_methods.attach("pm_card_amex", {"customer": customer}).id
    listed = client.v1.payment_methods.list({"customer": customer, "type": "card"}).data
    assert [m.id for m in listed] == [amex, visa]
    assert [m.id for m in client.v1.customers.payment_methods.list(customer).data] == [amex, visa]
    assert client.v1.customers.payment_methods.retrieve(customer, visa).id == visa
    client.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": visa}})
    gone = client.v1.payment_methods.detach(visa)
    assert gone.customer is None
    settings = client.v1.customers.retrieve(customer).invoice_settings
    assert settings
    assert settings.default_payment_method is None
    events = [e["type"] for e in sandbox.world.objects.newest_first("event")][:2]
    assert events == ["payment_method.detached", "customer.updated"]
    again = refused(client.v1.payment_methods.attach, visa, {"customer": customer})
    assert "may not be used again" in str(again)
    error = refused(client.v1.payment_methods.detach, visa)
    assert error.code == "payment_method_unexpected_state"


def test_anothers_method_is_not_attached(client: StripeClient, customer: str) -> None:
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    other = client.v1.customers.create({}).id
    error = refused(client.v1.payment_methods.attach, method, {"customer": other})
    assert error.code == "payment_method_unexpected_state"
    error = refused(
        client.v1.customers.update, other, {"invoice_settings": {"default_payment_method": method}}
    )
    assert (error.code, error.param) == (
        "resource_missing",
        "invoice_settings[default_payment_method]",
    )


def test_update(client: StripeClient, sandbox: RunningSandbox, customer: str) -> None:
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    changed = client.v1.payment_methods.update(
        method,
        {
            "card": {"exp_month": 12, "exp_year": 2031},
            "billing_details": {"address": {"city": "Bonn"}},
            "metadata": {"a": "b"},
        },
    )
    assert changed.card
    assert (changed.card.exp_month, changed.card.exp_year) == (12, 2031)
    assert changed.billing_details.address
    assert changed.billing_details.address.city == "Bonn"
    newest = next(iter(sandbox.world.objects.newest_first("event")))
    assert newest["type"] == "payment_method.updated"


@pytest.mark.parametrize(
    ("sent", "code", "param"),
    [
        ({}, "parameter_missing", "type"),
        ({"type": "card"}, "parameter_missing", "card"),
        (
            {"type": "card", "card": {"number": "4242424242424242"}},
            "parameter_missing",
            "card[exp_month]",
        ),
        ({"type": "card", "card": {"token": "tok_none"}}, "resource_missing", "card[token]"),
    ],
)
def test_what_is_refused(
    client: StripeClient, sent: dict[str, object], code: str, param: str
) -> None:
    error = refused(client.v1.payment_methods.create, sent)
    assert (error.code, error.param) == (code, param)


def test_what_the_sandbox_does_not_have(client: StripeClient) -> None:
    with pytest.raises(stripe.APIError) as caught:
        client.v1.payment_methods.create(
            {"type": "sepa_debit", "sepa_debit": {"iban": "DE89370400440532013000"}}
        )
    assert caught.value.http_status == 501


def test_which_method_pays(client: StripeClient, sandbox: RunningSandbox, customer: str) -> None:
    visa = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    assert payments.default_method(sandbox.world, customer) is None  # attached is not default
    client.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": visa}})
    assert payments.default_method(sandbox.world, customer) == visa
    amex = client.v1.payment_methods.attach("pm_card_amex", {"customer": customer}).id
    own = {"default_payment_method": amex}
    assert payments.default_method(sandbox.world, customer, own) == amex
    client.v1.payment_methods.detach(amex)
    assert payments.default_method(sandbox.world, customer, own) == visa


def test_a_declined_setup_stays(client: StripeClient, customer: str) -> None:
    with pytest.raises(stripe.CardError) as caught:
        client.v1.setup_intents.create(
            {
                "customer": customer,
                "payment_method": "pm_card_visa_chargeDeclined",
                "confirm": True,
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            }
        )
    body: Any = caught.value.json_body
    told = body["error"]
    assert (told["code"], told["decline_code"]) == ("card_declined", "generic_decline")
    assert told["network_decline_code"] == "01"
    kept = client.v1.setup_intents.retrieve(told["setup_intent"]["id"])
    assert (kept.status, kept.payment_method) == ("requires_payment_method", None)
    assert kept.last_setup_error
    assert kept.last_setup_error.code == "card_declined"
    good = client.v1.setup_intents.confirm(kept.id, {"payment_method": "pm_card_visa"})
    assert good.status == "succeeded"
    assert client.v1.payment_methods.retrieve(str(good.payment_method)).customer == customer
    error = refused(client.v1.setup_intents.cancel, good.id)
    assert error.code == "setup_intent_unexpected_state"


def test_a_setup_that_fails_to_authenticate(
    client: StripeClient, sandbox: RunningSandbox, customer: str
) -> None:
    setup = client.v1.setup_intents.create(
        {
            "customer": customer,
            "payment_method": "pm_card_threeDSecure2Required",
            "confirm": True,
            "return_url": "https://shop.example/back",
        }
    )
    assert setup.status == "requires_action"
    assert setup.next_action
    assert setup.next_action.redirect_to_url
    with sandbox.world.transaction():
        payments.setups.authenticate(sandbox.world, setup.id, succeeded=False)
    failed = client.v1.setup_intents.retrieve(setup.id)
    assert failed.status == "requires_payment_method"
    assert failed.last_setup_error
    assert failed.last_setup_error.code == "setup_intent_authentication_failure"
    canceled = client.v1.setup_intents.cancel(setup.id, {"cancellation_reason": "abandoned"})
    assert canceled.status == "canceled"
    types = [e["type"] for e in sandbox.world.objects.newest_first("event")][:4]
    assert types == [
        "setup_intent.canceled",
        "setup_intent.setup_failed",
        "setup_intent.requires_action",
        "setup_intent.created",
    ]

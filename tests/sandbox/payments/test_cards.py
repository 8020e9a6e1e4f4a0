"""Each test card does what Stripe's page of test cards says; expectations are stated by hand."""

from typing import Any

import pytest
import stripe
from stripe import StripeClient
from stripe.params import PaymentMethodCreateParams

from tallygate_sandbox.payments.numbers import BY_NUMBER, CARDS, named
from tallygate_sandbox.testing import RunningSandbox

EXPIRES: dict[str, Any] = {"exp_month": 8, "exp_year": 2030, "cvc": "314"}


def card(number: str) -> PaymentMethodCreateParams:
    hash_: Any = {"number": number, **EXPIRES}
    return {"type": "card", "card": hash_}


def told(error: stripe.CardError) -> dict[str, Any]:
    """The error as it was sent."""
    body: Any = error.json_body
    return dict(body["error"])


def declined(call: object, *args: object) -> stripe.CardError:
    with pytest.raises(stripe.CardError) as caught:
        call(*args)  # type: ignore[operator]  # a method of the SDK
    assert caught.value.http_status == 402
    return caught.value


def luhn_sum(number: str) -> int:
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value // 10 + value % 10
    return total


@pytest.mark.parametrize("number", sorted(BY_NUMBER))
def test_a_test_cards_number_is_one(number: str) -> None:
    assert luhn_sum(number) % 10 == 0


def test_no_two_names_share_a_number() -> None:
    assert len(BY_NUMBER) == len(CARDS)


@pytest.mark.parametrize(
    ("name", "last4"),
    [
        ("pm_card_visa", "4242"),
        ("tok_mastercard", "4444"),
        ("tok_amex", "0005"),
        ("pm_card_us", "4242"),
        ("tok_chargeDeclined", "0002"),
        ("tok_visa_chargeDeclined", "0002"),
        ("pm_card_chargeCustomerFail", "0341"),
        ("pm_card_authenticationRequiredOnSetup", "3155"),
        ("pm_card_authenticationRequired", "3184"),
        ("pm_card_threeDSecure2Required", "3220"),
    ],
)
def test_names_stand_for_numbers(name: str, last4: str) -> None:
    card = named(name)
    assert card
    assert card.number.endswith(last4)


def test_a_card_by_its_number(client: StripeClient) -> None:
    made = client.v1.payment_methods.create(
        card("5555 5555 5555 4444")
        | {"billing_details": {"name": "Jenny", "address": {"postal_code": "94102"}}}
    )
    shown = made.card
    assert shown
    assert (shown.brand, shown.last4, shown.exp_month, shown.exp_year) == (
        "mastercard",
        "4444",
        8,
        2030,
    )
    assert shown.checks
    assert (shown.checks.cvc_check, shown.checks.address_postal_code_check) == ("pass", "pass")
    assert shown.checks.address_line1_check is None
    assert made.billing_details.address
    assert (made.billing_details.name, made.billing_details.address.city) == ("Jenny", None)
    assert made.customer is None


def test_a_token_expires_in_a_year(client: StripeClient) -> None:
    made = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    assert made.card
    assert (made.card.exp_month, made.card.exp_year) == (1, 2027)
    again = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    assert again.id != made.id
    assert again.card
    assert again.card.fingerprint == made.card.fingerprint


@pytest.mark.parametrize(
    ("card", "code", "param"),
    [
        ({"number": "4242424242424241", **EXPIRES}, "incorrect_number", "number"),
        ({"number": "4111111111111111", **EXPIRES}, "card_declined", None),
        (
            {"number": "4242424242424242", "exp_month": 13, "exp_year": 2030},
            "invalid_expiry_month",
            "exp_month",
        ),
        (
            {"number": "4242424242424242", "exp_month": 12, "exp_year": 2025},
            "invalid_expiry_year",
            "exp_year",
        ),
        (
            {"number": "4242424242424242", "exp_month": 1, "exp_year": 2030, "cvc": "1"},
            "invalid_cvc",
            "cvc",
        ),
    ],
)
def test_a_card_that_is_none(
    client: StripeClient, card: dict[str, object], code: str, param: str | None
) -> None:
    error = declined(client.v1.payment_methods.create, {"type": "card", "card": card})
    assert (error.code, error.param) == (code, param)


# What Stripe's page says of each number: code, decline_code, and the advice to the merchant.
DECLINES = [
    ("4000000000000002", "card_declined", "generic_decline", "try_again_later"),
    ("4000000000009995", "card_declined", "insufficient_funds", "try_again_later"),
    ("4000000000009987", "card_declined", "lost_card", "do_not_try_again"),
    ("4000000000009979", "card_declined", "stolen_card", "do_not_try_again"),
    ("4000000000006975", "card_declined", "card_velocity_exceeded", "try_again_later"),
    ("4000000000000069", "expired_card", None, "do_not_try_again"),
    ("4000000000000127", "incorrect_cvc", None, "confirm_card_data"),
    ("4000000000000119", "processing_error", None, "try_again_later"),
    ("4100000000000019", "card_declined", "fraudulent", None),
    ("4000000000000341", "card_declined", "generic_decline", "try_again_later"),
]


@pytest.mark.parametrize(("number", "code", "decline_code", "advice"), DECLINES)
def test_a_card_is_declined_when_charged(
    client: StripeClient, number: str, code: str, decline_code: str | None, advice: str | None
) -> None:
    method = client.v1.payment_methods.create(card(number))
    error = declined(
        client.v1.payment_intents.create,
        {
            "amount": 2000,
            "currency": "usd",
            "payment_method": method.id,
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        },
    )
    sent = told(error)
    assert (sent["code"], sent["type"]) == (code, "card_error")
    assert (sent.get("decline_code"), sent.get("advice_code")) == (decline_code, advice)
    assert sent["payment_method"]["id"] == method.id
    kept = client.v1.payment_intents.retrieve(sent["payment_intent"]["id"])
    assert (kept.status, kept.payment_method) == ("requires_payment_method", None)
    assert kept.last_payment_error
    assert kept.last_payment_error.code == code
    charge = client.v1.charges.retrieve(sent["charge"])
    assert (charge.status, charge.paid, charge.captured) == ("failed", False, False)
    assert (charge.id, charge.failure_code) == (kept.latest_charge, code)
    assert charge.outcome
    blocked = decline_code == "fraudulent"
    assert charge.outcome.type == ("blocked" if blocked else "issuer_declined")
    assert client.v1.balance_transactions.list().data == []


@pytest.mark.parametrize(("number", "code"), [row[:2] for row in DECLINES[:8]])
def test_a_declined_card_is_not_attached(client: StripeClient, number: str, code: str) -> None:
    customer = client.v1.customers.create({})
    method = client.v1.payment_methods.create(card(number))
    error = declined(client.v1.payment_methods.attach, method.id, {"customer": customer.id})
    assert error.code == code
    assert client.v1.payment_methods.list({"customer": customer.id}).data == []


def test_one_card_fails_only_after_it_is_attached(client: StripeClient) -> None:
    customer = client.v1.customers.create({})
    method = client.v1.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": customer.id}
    )
    assert method.customer == customer.id
    assert method.id != "pm_card_chargeCustomerFail"
    error = declined(
        client.v1.payment_intents.create,
        {
            "amount": 100,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": method.id,
            "off_session": True,
            "confirm": True,
        },
    )
    assert error.code == "card_declined"


def test_a_card_that_skips_the_wait(client: StripeClient, sandbox: RunningSandbox) -> None:
    for name, available in (("pm_card_visa", 0), ("pm_card_bypassPending", 941)):
        client.v1.payment_intents.create(
            {
                "amount": 1000,  # the fee is 2.9 % of it and 30: 59
                "currency": "usd",
                "payment_method": name,
                "confirm": True,
                "off_session": True,
            }
        )
        assert client.v1.balance.retrieve().available[0].amount == available
    assert client.v1.balance.retrieve().pending[0].amount == 941
    assert sandbox.world.objects.count("charge") == 2

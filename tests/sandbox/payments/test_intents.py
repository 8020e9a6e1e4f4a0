"""A payment intent's life, from its creation to a charge."""

from typing import Any

import pytest
import stripe
from stripe import StripeClient
from stripe.params import PaymentIntentCreateParams

from tallygate_sandbox import payments
from tallygate_sandbox.testing import RunningSandbox

START = 1_767_225_600
NO_REDIRECTS = {"enabled": True, "allow_redirects": "never"}


@pytest.fixture
def customer(client: StripeClient) -> str:
    return client.v1.customers.create({"email": "jenny@example.org"}).id


def types(sandbox: RunningSandbox) -> list[str]:
    """The types of all events, oldest first."""
    return [event["type"] for event in sandbox.world.objects.newest_first("event")][::-1]


def refused(call: object, *args: object) -> stripe.InvalidRequestError:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        call(*args)  # type: ignore[operator]  # a method of the SDK
    return caught.value


def wanted(payer: str, method: str, **more: object) -> PaymentIntentCreateParams:
    sent = {
        "amount": 2500,
        "currency": "usd",
        "customer": payer,
        "payment_method": method,
        "confirm": True,
        "automatic_payment_methods": NO_REDIRECTS,
    }
    return sent | more  # type: ignore[return-value]  # a TypedDict made of parts


def test_a_payment_that_succeeds(
    client: StripeClient, sandbox: RunningSandbox, customer: str
) -> None:
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    intent = client.v1.payment_intents.create(
        wanted(customer, method.id, expand=["latest_charge.balance_transaction", "payment_method"])
    )
    assert (intent.status, intent.amount_received) == ("succeeded", 2500)
    assert intent.client_secret
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert (charge.amount_captured, charge.paid, charge.status) == (2500, True, "succeeded")
    moved = charge.balance_transaction
    assert isinstance(moved, stripe.BalanceTransaction)
    # 2.9 % of 2500 is 72.5, rounded half up 73, and 30.
    assert (moved.amount, moved.fee, moved.net) == (2500, 103, 2397)
    assert (moved.available_on, moved.status) == (START + 2 * 86400, "pending")
    assert types(sandbox)[2:] == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]
    again = refused(client.v1.payment_intents.confirm, intent.id)
    assert again.code == "payment_intent_unexpected_state"
    assert client.v1.charges.list({"payment_intent": intent.id}).data[0].id == charge.id


def test_a_declined_payment_is_tried_again_with_another_card(
    client: StripeClient, sandbox: RunningSandbox, customer: str
) -> None:
    bad = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    with pytest.raises(stripe.CardError) as caught:
        client.v1.payment_intents.create(wanted(customer, bad.id))
    assert caught.value.error
    assert caught.value.error.payment_intent
    assert types(sandbox)[-2:] == ["charge.failed", "payment_intent.payment_failed"]
    good = client.v1.payment_methods.attach("pm_card_mastercard", {"customer": customer})
    intent = client.v1.payment_intents.confirm(
        caught.value.error.payment_intent.id, {"payment_method": good.id}
    )
    assert (intent.status, intent.last_payment_error) == ("succeeded", None)
    assert [c.status for c in client.v1.charges.list().data] == ["succeeded", "failed"]


def test_three_d_secure_waits_for_the_customer(
    client: StripeClient, sandbox: RunningSandbox, customer: str
) -> None:
    method = client.v1.payment_methods.attach(
        "pm_card_threeDSecure2Required", {"customer": customer}
    )
    back = "https://shop.example/back"
    intent = client.v1.payment_intents.create(wanted(customer, method.id, return_url=back))
    assert (intent.status, intent.latest_charge) == ("requires_action", None)
    assert intent.next_action
    assert intent.next_action.redirect_to_url
    assert intent.next_action.redirect_to_url.url == f"{sandbox.url}/_pages/3ds/{intent.id}"
    assert intent.next_action.redirect_to_url.return_url == back
    assert types(sandbox)[-1] == "payment_intent.requires_action"
    with sandbox.world.transaction():
        payments.authenticate(sandbox.world, intent.id, succeeded=True)
    paid = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert (paid.status, paid.next_action) == ("succeeded", None)
    assert isinstance(paid.latest_charge, stripe.Charge)
    details = paid.latest_charge.payment_method_details
    assert details
    assert details.card
    assert details.card.three_d_secure
    assert details.card.three_d_secure.result == "authenticated"


def test_three_d_secure_that_fails(
    client: StripeClient, sandbox: RunningSandbox, customer: str
) -> None:
    method = client.v1.payment_methods.attach(
        "pm_card_authenticationRequired", {"customer": customer}
    )
    intent = client.v1.payment_intents.create(wanted(customer, method.id))
    assert intent.next_action
    assert intent.next_action.type == "use_stripe_sdk"
    with sandbox.world.transaction():
        payments.authenticate(sandbox.world, intent.id, succeeded=False)
    failed = client.v1.payment_intents.retrieve(intent.id)
    assert (failed.status, failed.latest_charge) == ("requires_payment_method", None)
    assert failed.last_payment_error
    assert failed.last_payment_error.code == "payment_intent_authentication_failure"


# Which cards pay off session, before and after they were set up.
OFF_SESSION = {
    "pm_card_visa": (True, True),
    "pm_card_authenticationRequiredOnSetup": (False, True),
    "pm_card_threeDSecure2Required": (False, True),
    "pm_card_authenticationRequired": (False, False),
    "pm_card_authenticationRequiredSetupForOffSession": (True, True),
}


@pytest.mark.parametrize("name", OFF_SESSION)
def test_a_payment_off_session(
    client: StripeClient, sandbox: RunningSandbox, customer: str, name: str
) -> None:
    method = client.v1.payment_methods.attach(name, {"customer": customer}).id
    before = why_not(client, customer, method)
    setup = client.v1.setup_intents.create(
        {
            "customer": customer,
            "payment_method": method,
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    if setup.status == "requires_action":
        with sandbox.world.transaction():
            payments.setups.authenticate(sandbox.world, setup.id, succeeded=True)
    assert client.v1.setup_intents.retrieve(setup.id).status == "succeeded"
    after = why_not(client, customer, method)
    refusal = "authentication_required"
    assert (before, after) == tuple(None if pays else refusal for pays in OFF_SESSION[name])


def why_not(client: StripeClient, customer: str, method: str) -> str | None:
    """The decline code of a payment off session, None when it succeeds."""
    try:
        client.v1.payment_intents.create(wanted(customer, method, off_session=True))
    except stripe.CardError as error:
        body: Any = error.json_body
        return str(body["error"]["decline_code"])
    return None


def test_a_method_of_nobody_pays_once(client: StripeClient, customer: str) -> None:
    method = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}}).id
    assert client.v1.payment_intents.create(wanted(customer, method)).status == "succeeded"
    assert "may not be used again" in str(
        refused(client.v1.payment_intents.create, wanted(customer, method))
    )
    kept = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}}).id
    client.v1.payment_intents.create(wanted(customer, kept, setup_future_usage="off_session"))
    assert client.v1.payment_methods.retrieve(kept).customer == customer


def test_anothers_card_does_not_pay(client: StripeClient, customer: str) -> None:
    other = client.v1.customers.create({}).id
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": other}).id
    error = refused(client.v1.payment_intents.create, wanted(customer, method))
    assert (error.code, error.param) == ("resource_missing", "payment_method")


def test_capture_later(client: StripeClient, sandbox: RunningSandbox, customer: str) -> None:
    intent = client.v1.payment_intents.create(
        wanted(customer, "pm_card_visa", capture_method="manual")
    )
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 2500)
    assert client.v1.balance.retrieve().pending[0].amount == 0
    taken = client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 1000})
    assert (taken.status, taken.amount_received, taken.amount_capturable) == ("succeeded", 1000, 0)
    assert client.v1.balance.retrieve().pending[0].amount == 941  # less 29 and 30
    assert types(sandbox)[-2:] == ["charge.captured", "payment_intent.succeeded"]


def test_cancel(client: StripeClient, customer: str) -> None:
    intent = client.v1.payment_intents.create(
        {"amount": 2500, "currency": "usd", "customer": customer}
    )
    assert intent.status == "requires_payment_method"
    assert intent.automatic_payment_methods
    assert intent.automatic_payment_methods.allow_redirects == "always"
    canceled = client.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.canceled_at) == ("canceled", START)
    error = refused(client.v1.payment_intents.cancel, intent.id)
    assert error.code == "payment_intent_unexpected_state"


@pytest.mark.parametrize(
    ("sent", "code", "param"),
    [
        ({"amount": 49}, "amount_too_small", "amount"),
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"amount": 100_000_000}, "amount_too_large", "amount"),
        ({"customer": "cus_none"}, "resource_missing", "customer"),
        ({"payment_method": "pm_none"}, "resource_missing", "payment_method"),
        ({"automatic_payment_methods": {"enabled": True}}, None, "return_url"),
        ({"confirm": False, "off_session": True}, None, "off_session"),
    ],
)
def test_what_is_refused(
    client: StripeClient, customer: str, sent: dict[str, object], code: str | None, param: str
) -> None:
    error = refused(client.v1.payment_intents.create, wanted(customer, "pm_card_visa", **sent))
    assert (error.http_status, error.code, error.param) == (400, code, param)


def test_without_a_method_nothing_is_confirmed(client: StripeClient, customer: str) -> None:
    intent = client.v1.payment_intents.create(
        {"amount": 2500, "currency": "usd", "automatic_payment_methods": NO_REDIRECTS}  # type: ignore[typeddict-item]  # made of parts
    )
    error = refused(client.v1.payment_intents.confirm, intent.id)
    assert error.code == "payment_intent_unexpected_state"


def test_what_is_collected_off_session_for_later(
    sandbox: RunningSandbox, client: StripeClient, customer: str
) -> None:
    method = client.v1.payment_methods.attach(
        "pm_card_authenticationRequiredOnSetup", {"customer": customer}
    ).id

    def collected(*, off_session: bool) -> stripe.PaymentIntent:
        with sandbox.world.transaction():
            made = payments.collect(
                sandbox.world,
                customer=customer,
                amount=2500,
                currency="usd",
                payment_method=method,
                off_session=off_session,
                description="Subscription creation",
                setup_future_usage="off_session",
            )
        return client.v1.payment_intents.retrieve(made["id"])

    alone = collected(off_session=True)
    assert alone.last_payment_error
    assert alone.last_payment_error.code == "authentication_required"
    present = collected(off_session=False)
    assert (present.status, present.latest_charge) == ("requires_action", None)
    assert present.last_payment_error is None
    with sandbox.world.transaction():
        payments.authenticate(sandbox.world, present.id, succeeded=True)
    assert collected(off_session=True).status == "succeeded"  # it is set up now


def test_an_invoices_intent_waits_for_authentication(
    sandbox: RunningSandbox, client: StripeClient, customer: str
) -> None:
    method = client.v1.payment_methods.attach(
        "pm_card_authenticationRequired", {"customer": customer}
    ).id
    invoice = client.v1.invoices.create({"customer": customer, "auto_advance": False}).id
    with sandbox.world.transaction():
        made = payments.collect(
            sandbox.world,
            customer=customer,
            amount=2500,
            currency="usd",
            payment_method=method,
            invoice=invoice,
        )
    intent = client.v1.payment_intents.retrieve(made["id"])
    assert (intent.status, intent.last_payment_error) == ("requires_action", None)
    assert intent.payment_details
    assert intent.payment_details.order_reference == invoice
    assert "void the invoice" in str(refused(client.v1.payment_intents.cancel, intent.id))
    error = refused(client.v1.payment_intents.update, intent.id, {"amount": 100})
    assert error.param == "amount"


def test_a_secret_must_be_the_intents(client: StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 2500, "currency": "usd"})
    assert intent.client_secret
    again = client.v1.payment_intents.retrieve(intent.id, {"client_secret": intent.client_secret})
    assert again.id == intent.id
    error = refused(client.v1.payment_intents.retrieve, intent.id, {"client_secret": "x"})
    assert error.param == "client_secret"


def test_an_intent_changes_until_it_is_paid(client: StripeClient, customer: str) -> None:
    intent = client.v1.payment_intents.create({"amount": 2500, "currency": "usd"})
    changed = client.v1.payment_intents.update(
        intent.id,
        {
            "amount": 3000,
            "customer": customer,
            "payment_method": "pm_card_visa",
            "metadata": {"a": "b"},
        },
    )
    assert (changed.amount, changed.status) == (3000, "requires_confirmation")
    paid = client.v1.payment_intents.confirm(
        intent.id, {"return_url": "https://shop.example/back"}
    )
    assert (paid.status, paid.amount_received) == ("succeeded", 3000)
    error = refused(client.v1.payment_intents.update, intent.id, {"amount": 100})
    assert error.code == "payment_intent_unexpected_state"


def test_a_customer_on_a_test_clock_pays_in_its_time(client: StripeClient) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": 1_800_000_000}).id
    timed = client.v1.customers.create({"test_clock": clock}).id
    intent = client.v1.payment_intents.create(
        wanted(timed, "pm_card_visa", expand=["latest_charge.balance_transaction"])
    )
    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    moved = charge.balance_transaction
    assert isinstance(moved, stripe.BalanceTransaction)
    assert {intent.created, charge.created, moved.created} == {1_800_000_000}

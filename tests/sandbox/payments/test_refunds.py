"""Money given back or asked back, and what that does to a charge and to the balance."""

import pytest
import stripe
from stripe import StripeClient

from tallygate_sandbox.testing import RunningSandbox


def paid(client: StripeClient, method: str = "pm_card_visa", amount: int = 2000) -> str:
    return client.v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "usd",
            "payment_method": method,
            "confirm": True,
            "off_session": True,
        }
    ).id


def test_a_charge_is_given_back_in_parts(client: StripeClient, sandbox: RunningSandbox) -> None:
    intent = paid(client)
    first = client.v1.refunds.create({"payment_intent": intent, "amount": 500})
    assert (first.amount, first.status, first.payment_intent) == (500, "succeeded", intent)
    charge = client.v1.charges.retrieve(str(first.charge), {"expand": ["refunds"]})
    assert (charge.amount_refunded, charge.refunded) == (500, False)
    assert charge.refunds
    assert [r.id for r in charge.refunds.data] == [first.id]
    rest = client.v1.refunds.create({"charge": charge.id, "reason": "requested_by_customer"})
    assert rest.amount == 1500
    charge = client.v1.charges.retrieve(charge.id)
    assert (charge.amount_refunded, charge.refunded) == (2000, True)
    assert [r.id for r in client.v1.refunds.list({"charge": charge.id}).data] == [
        rest.id,
        first.id,
    ]
    balance = client.v1.balance.retrieve()
    # The fee of 88 stays with Stripe: 2000 - 88 pending, 2000 out.
    assert (balance.available[0].amount, balance.pending[0].amount) == (-2000, 1912)
    events = [event["type"] for event in sandbox.world.objects.newest_first("event")]
    assert events[:4] == ["charge.refunded", "refund.created"] * 2
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"charge": charge.id})
    assert caught.value.code == "charge_already_refunded"


def test_not_more_than_was_paid(client: StripeClient) -> None:
    intent = paid(client)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": intent, "amount": 2001})
    assert caught.value.param == "amount"
    assert "$20.01" in str(caught.value)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({})
    assert caught.value.code == "parameter_missing"


def test_metadata_of_a_refund(client: StripeClient) -> None:
    made = client.v1.refunds.create({"payment_intent": paid(client), "metadata": {"a": "1"}})
    changed = client.v1.refunds.update(made.id, {"metadata": {"a": "", "b": "2"}})
    assert changed.metadata
    assert changed.metadata.to_dict() == {"b": "2"}
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.cancel(made.id)
    assert caught.value.http_status == 400


# The status at first and an hour later, and what is then on the balance.
LATER = {
    "pm_card_visa": ("succeeded", "succeeded", -2000),
    "pm_card_pendingRefund": ("pending", "succeeded", -2000),
    "pm_card_refundFail": ("succeeded", "failed", 0),
}


@pytest.mark.parametrize("method", LATER)
def test_a_refund_that_settles_later(
    client: StripeClient, sandbox: RunningSandbox, method: str
) -> None:
    first, then, left = LATER[method]
    made = client.v1.refunds.create({"payment_intent": paid(client, method)})
    assert made.status == first
    sandbox.advance_to(1_767_225_600 + 3600)
    settled = client.v1.refunds.retrieve(made.id)
    assert settled.status == then
    assert client.v1.balance.retrieve().available[0].amount == left
    charge = client.v1.charges.retrieve(str(made.charge))
    assert charge.refunded is (then == "succeeded")


def test_a_disputed_charge(client: StripeClient, sandbox: RunningSandbox) -> None:
    intent = paid(client, "pm_card_createDispute")
    (made,) = client.v1.disputes.list({"payment_intent": intent}).data
    assert (made.amount, made.reason, made.status) == (2000, "fraudulent", "needs_response")
    (moved,) = made.balance_transactions
    assert (moved.amount, moved.fee, moved.net) == (-2000, 1500, -3500)
    assert client.v1.charges.retrieve(str(made.charge)).disputed
    assert client.v1.balance.retrieve().available[0].amount == -3500
    assert client.v1.disputes.close(made.id).status == "lost"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.disputes.close(made.id)
    events = [event["type"] for event in sandbox.world.objects.newest_first("event")]
    assert events[:3] == [
        "charge.dispute.closed",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.created",
    ]
    assert client.v1.disputes.retrieve(made.id).status == "lost"

"""Finalization, payment, retries, and what a balance does."""

import pytest
import stripe
from tests.sandbox.invoices.conftest import DAY, HOUR, START, Shop

DECLINED = "pm_card_chargeCustomerFail"


def test_finalizing_numbers_an_invoice_from_its_customers_sequence(shop: Shop) -> None:
    customer = shop.customer(invoice_prefix="ACME", next_invoice_sequence=7).id
    first, second = shop.open(customer, 100), shop.open(customer, 100)
    assert [first.number, second.number] == ["ACME-0007", "ACME-0008"]
    assert (first.status, first.effective_at) == ("open", START)
    assert (first.hosted_invoice_url or "").startswith(f"{shop.sandbox.url}/i/")
    assert first.invoice_pdf == f"{first.hosted_invoice_url}/pdf"
    with pytest.raises(stripe.InvalidRequestError, match="already finalized"):
        shop.client.v1.invoices.finalize_invoice(first.id)


def test_the_page_size_is_decided_for_each_invoice(shop: Shop) -> None:
    customer = shop.customer().id
    sizes = [shop.open(customer, 100).rendering, shop.draft(customer, 100).rendering]
    assert [r.pdf.page_size for r in sizes if r and r.pdf] == ["letter", "auto"]


def test_a_card_pays_an_invoice_and_its_payment_can_be_found(shop: Shop) -> None:
    paid = shop.paid(shop.customer().id, 1000, 500)
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 1500, 0)
    assert (paid.attempted, paid.attempt_count, paid.ending_balance) == (True, 1, 0)
    (payment,) = shop.client.v1.invoice_payments.list({"invoice": paid.id}).data
    assert (payment.status, payment.amount_paid, payment.is_default) == ("paid", 1500, True)
    intent = str(payment.payment.payment_intent)
    found = shop.client.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": intent}, "status": "paid"}
    ).data
    assert [one.id for one in found] == [payment.id]
    assert shop.client.v1.payment_intents.retrieve(intent).amount == 1500


def test_payments_and_the_secret_come_only_when_expanded(shop: Shop) -> None:
    opened = shop.open(shop.customer().id, 1000)
    assert "payments" not in opened
    assert "confirmation_secret" not in opened
    more = shop.client.v1.invoices.retrieve(
        opened.id, {"expand": ["payments.data.payment.payment_intent", "confirmation_secret"]}
    )
    assert more.payments is not None
    assert more.confirmation_secret is not None
    intent = more.payments.data[0].payment.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert intent.client_secret == more.confirmation_secret.client_secret


def test_the_events_of_a_payment_come_in_order(shop: Shop) -> None:
    customer = shop.customer().id
    invoice = shop.draft(customer, 1000)
    before = len(shop.events())
    shop.client.v1.invoices.pay(invoice.id)
    assert shop.events()[before:] == [
        "payment_intent.created",
        "invoice.finalized",
        "invoice.updated",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
    ]


def test_a_confirmed_intent_pays_its_invoice(shop: Shop) -> None:
    customer = shop.customer().id
    opened = shop.open(customer, 1000)
    (payment,) = shop.client.v1.invoice_payments.list({"invoice": opened.id}).data
    shop.client.v1.payment_intents.confirm(
        str(payment.payment.payment_intent), {"payment_method": "pm_card_visa"}
    )
    assert shop.invoice(opened.id).status == "paid"


def test_a_decline_is_refused_and_leaves_the_attempt(shop: Shop) -> None:
    customer = shop.customer(DECLINED).id
    invoice = shop.draft(customer, 1000)
    with pytest.raises(stripe.CardError) as declined:
        shop.client.v1.invoices.pay(invoice.id)
    assert declined.value.http_status == 402
    assert declined.value.code == "card_declined"
    left = shop.invoice(invoice.id)
    assert (left.status, left.attempted, left.attempt_count) == ("open", True, 1)
    assert left.next_payment_attempt is None
    assert shop.client.v1.customers.retrieve(customer).delinquent
    assert shop.events()[-4:] == [
        "payment_intent.payment_failed",
        "invoice.updated",
        "invoice.payment_failed",
        "customer.updated",
    ]
    good = shop.client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    paid = shop.client.v1.invoices.pay(invoice.id, {"payment_method": good.id})
    assert (paid.status, paid.attempt_count) == ("paid", 1)
    assert not shop.client.v1.customers.retrieve(customer).delinquent


def test_a_payment_that_needs_action_is_attempted_and_not_counted(shop: Shop) -> None:
    invoice = shop.draft(shop.customer("pm_card_threeDSecure2Required").id, 1000)
    with pytest.raises(stripe.CardError) as asked:
        shop.client.v1.invoices.pay(invoice.id)
    assert asked.value.code == "invoice_payment_intent_requires_action"
    left = shop.invoice(invoice.id)
    assert (left.status, left.attempted, left.attempt_count) == ("open", True, 0)
    assert "invoice.payment_action_required" in shop.events()


def test_without_a_method_nothing_is_attempted(shop: Shop) -> None:
    invoice = shop.draft(shop.customer(card=None).id, 1000)
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source") as refused:
        shop.client.v1.invoices.pay(invoice.id)
    assert refused.value.code == "resource_missing"
    assert shop.invoice(invoice.id).status == "draft"


def test_an_invoice_is_paid_once(shop: Shop) -> None:
    paid = shop.paid(shop.customer().id, 1000)
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        shop.client.v1.invoices.pay(paid.id)


def test_money_outside_pays_without_a_charge(shop: Shop) -> None:
    opened = shop.open(shop.customer(card=None).id, 1000)
    paid = shop.client.v1.invoices.pay(opened.id, {"paid_out_of_band": True})
    assert (paid.status, paid.amount_paid, paid.amount_paid_off_stripe) == ("paid", 1000, 1000)
    (payment,) = shop.client.v1.invoice_payments.list({"invoice": opened.id}).data
    assert payment.status == "canceled"
    events = shop.events()
    assert "invoice.paid" in events
    assert "invoice.payment_succeeded" not in events


def test_an_invoice_of_nothing_is_paid_unattempted(shop: Shop) -> None:
    paid = shop.open(shop.customer(card=None).id)
    assert (paid.status, paid.amount_due, paid.attempted, paid.attempt_count) == (
        "paid",
        0,
        True,
        0,
    )
    assert not shop.client.v1.invoice_payments.list({"invoice": paid.id}).data


@pytest.mark.parametrize(
    ("balance", "total", "due", "ending"),
    [
        (-300, 1000, 700, 0),
        (-1000, 1000, 0, 0),
        (-1500, 1000, 0, -500),
        (200, 1000, 1200, 0),
        (0, -400, 0, -400),
        (0, 49, 0, 49),
        (0, 50, 50, 0),
        (-960, 1000, 0, 40),
    ],
)
def test_a_balance_is_used_and_a_small_amount_carried(
    shop: Shop, balance: int, total: int, due: int, ending: int
) -> None:
    customer = shop.customer(balance=balance).id
    draft = shop.draft(customer, total)
    assert (draft.starting_balance, draft.ending_balance) == (balance, None)
    assert draft.amount_due == due
    opened = shop.client.v1.invoices.finalize_invoice(draft.id)
    assert (opened.amount_due, opened.starting_balance, opened.ending_balance) == (
        due,
        balance,
        ending,
    )
    assert opened.status == ("open" if due else "paid")
    assert shop.client.v1.customers.retrieve(customer).balance == ending
    moved = shop.client.v1.customers.balance_transactions.list(customer).data
    assert sum(one.amount for one in moved if one.invoice == opened.id) == ending - balance


def test_an_automatic_invoice_is_tried_again_after_3_5_and_7_days(shop: Shop) -> None:
    invoice = shop.draft(shop.customer(DECLINED).id, 1000, auto_advance=True)
    at, attempts = HOUR, []
    for days in (3, 5, 7, None):
        shop.after(at)
        now = shop.invoice(invoice.id)
        attempts.append(now.attempt_count)
        expected = None if days is None else START + at + days * DAY
        assert now.next_payment_attempt == expected
        at += (days or 0) * DAY
    assert attempts == [1, 2, 3, 4]
    shop.after(25 * DAY)
    assert shop.invoice(invoice.id).attempt_count == 4
    assert shop.events().count("charge.failed") == 4
    assert shop.events().count("invoice.payment_failed") == 4


def test_a_manual_attempt_leaves_the_schedule_alone(shop: Shop) -> None:
    invoice = shop.draft(shop.customer(DECLINED).id, 1000, auto_advance=True)
    shop.after(HOUR)
    shop.after(DAY)
    with pytest.raises(stripe.CardError):
        shop.client.v1.invoices.pay(invoice.id)
    now = shop.invoice(invoice.id)
    assert (now.attempt_count, now.next_payment_attempt) == (1, START + HOUR + 3 * DAY)


def test_a_new_card_pays_at_the_next_attempt(shop: Shop) -> None:
    customer = shop.customer(DECLINED).id
    invoice = shop.draft(customer, 1000, auto_advance=True)
    shop.after(HOUR)
    good = shop.client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    shop.client.v1.customers.update(
        customer, {"invoice_settings": {"default_payment_method": good.id}}
    )
    shop.after(HOUR + 3 * DAY)
    paid = shop.invoice(invoice.id)
    assert (paid.status, paid.attempt_count, paid.next_payment_attempt) == ("paid", 2, None)


def test_a_lost_card_is_counted_and_not_charged_again(shop: Shop) -> None:
    customer = shop.customer(card=None).id
    lost = shop.client.v1.payment_methods.create(
        {
            "type": "card",
            "card": {
                "number": "4000000000009987",
                "exp_month": 12,
                "exp_year": 2030,
                "cvc": "123",
            },
        }
    )
    shop.client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    invoice = shop.draft(customer, 1000, auto_advance=True, default_payment_method=lost.id)
    shop.after(HOUR)
    shop.after(HOUR + 3 * DAY)
    now = shop.invoice(invoice.id)
    assert (now.status, now.attempt_count) == ("open", 2)
    assert shop.events().count("charge.failed") == 1


def test_finalized_by_hand_it_is_collected_an_hour_later(shop: Shop) -> None:
    draft = shop.draft(shop.customer().id, 1000)
    opened = shop.client.v1.invoices.finalize_invoice(draft.id, {"auto_advance": True})
    assert (opened.status, opened.next_payment_attempt) == ("open", START + HOUR)
    shop.after(HOUR)
    assert shop.invoice(draft.id).status == "paid"


def test_a_sent_invoice_is_overdue_when_its_date_has_passed(shop: Shop) -> None:
    terms = {"collection_method": "send_invoice", "days_until_due": 10}
    customer = shop.customer(card=None).id
    late, early = (shop.draft(customer, 1000, **terms).id for _ in range(2))
    for ident in (late, early):
        assert shop.client.v1.invoices.send_invoice(ident).status == "open"
    shop.client.v1.invoices.pay(early, {"paid_out_of_band": True})
    shop.after(10 * DAY)
    assert shop.events().count("invoice.overdue") == 1
    assert shop.events().count("invoice.sent") == 2
    assert shop.invoice(late).status == "open"


def test_voiding_gives_the_balance_back(shop: Shop) -> None:
    customer = shop.customer(balance=-300).id
    opened = shop.open(customer, 1000)
    voided = shop.client.v1.invoices.void_invoice(opened.id)
    assert (voided.status, voided.status_transitions.voided_at) == ("void", START)
    assert shop.client.v1.customers.retrieve(customer).balance == -300
    (payment,) = shop.client.v1.invoice_payments.list({"invoice": opened.id}).data
    intent = shop.client.v1.payment_intents.retrieve(str(payment.payment.payment_intent))
    assert (payment.status, intent.status) == ("canceled", "canceled")
    assert shop.events()[-1] == "invoice.voided"
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.invoices.pay(opened.id)


def test_an_uncollectible_invoice_may_still_be_paid_or_voided(shop: Shop) -> None:
    customer = shop.customer().id
    given_up = [
        shop.client.v1.invoices.mark_uncollectible(shop.open(customer, 1000).id) for _ in range(2)
    ]
    assert [i.status for i in given_up] == ["uncollectible"] * 2
    assert shop.client.v1.invoices.pay(given_up[0].id).status == "paid"
    assert shop.client.v1.invoices.void_invoice(given_up[1].id).status == "void"
    assert "invoice.marked_uncollectible" in shop.events()


@pytest.mark.parametrize("verb", ["void_invoice", "mark_uncollectible", "send_invoice"])
def test_what_is_not_open_cannot_end(shop: Shop, verb: str) -> None:
    paid = shop.paid(shop.customer().id, 1000)
    with pytest.raises(stripe.InvalidRequestError):
        getattr(shop.client.v1.invoices, verb)(paid.id)


def test_a_finalized_invoice_is_not_deleted(shop: Shop) -> None:
    opened = shop.open(shop.customer().id, 1000)
    with pytest.raises(stripe.InvalidRequestError, match="only delete draft"):
        shop.client.v1.invoices.delete(opened.id)

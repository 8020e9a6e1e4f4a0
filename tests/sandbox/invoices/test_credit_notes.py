"""Credit notes, before and after the payment."""

from typing import Any

import pytest
import stripe
from tests.sandbox.invoices.conftest import Shop


def note(shop: Shop, invoice: str, **params: Any) -> stripe.CreditNote:
    wanted: Any = {"invoice": invoice, **params}
    return shop.client.v1.credit_notes.create(wanted)


def line(amount: int) -> dict[str, Any]:
    words = {"type": "custom_line_item", "description": "Sorry"}
    return {**words, "quantity": 1, "unit_amount": amount}


def test_on_an_open_invoice_it_lowers_what_is_due(shop: Shop) -> None:
    opened = shop.open(shop.customer().id, 2000)
    made = note(shop, opened.id, lines=[line(1500)], memo="Late", reason="duplicate")
    assert (made.type, made.total, made.pre_payment_amount) == ("pre_payment", 1500, 1500)
    assert made.number == f"{opened.number}-CN-01"
    now = shop.invoice(opened.id)
    assert (now.total, now.amount_due, now.amount_remaining) == (2000, 500, 500)
    assert now.pre_payment_credit_notes_amount == 1500
    paid = shop.client.v1.invoices.pay(opened.id)
    assert (paid.amount_paid, paid.amount_overpaid) == (500, 0)
    assert "credit_note.created" in shop.events()


def test_it_pays_an_invoice_when_nothing_is_left(shop: Shop) -> None:
    opened = shop.open(shop.customer(card=None).id, 2000)
    note(shop, opened.id, amount=2000)
    paid = shop.invoice(opened.id)
    assert (paid.status, paid.amount_due, paid.amount_paid) == ("paid", 0, 0)


def test_a_void_note_is_due_again(shop: Shop) -> None:
    opened = shop.open(shop.customer().id, 2000)
    made = note(shop, opened.id, amount=700)
    voided = shop.client.v1.credit_notes.void_credit_note(made.id)
    assert voided.status == "void"
    assert shop.invoice(opened.id).amount_due == 2000
    assert shop.events()[-2:] == ["credit_note.voided", "invoice.updated"]
    with pytest.raises(stripe.InvalidRequestError, match="already voided"):
        shop.client.v1.credit_notes.void_credit_note(made.id)


def test_on_a_paid_invoice_it_is_refunded_and_credited(shop: Shop) -> None:
    customer = shop.customer().id
    paid = shop.paid(customer, 2000)
    made = note(
        shop, paid.id, amount=1200, refund_amount=500, credit_amount=400, out_of_band_amount=300
    )
    assert (made.type, made.post_payment_amount, made.out_of_band_amount) == (
        "post_payment",
        1200,
        300,
    )
    (refund,) = made.refunds
    assert shop.client.v1.refunds.retrieve(str(refund.refund)).amount == 500
    assert shop.client.v1.customers.retrieve(customer).balance == -400
    now = shop.invoice(paid.id)
    assert (now.status, now.post_payment_credit_notes_amount) == ("paid", 1200)


def test_a_line_is_credited_with_its_discount_and_tax(shop: Shop) -> None:
    customer = shop.customer().id
    half = shop.client.v1.coupons.create({"duration": "forever", "percent_off": 50})
    vat = shop.client.v1.tax_rates.create(
        {"display_name": "VAT", "inclusive": False, "percentage": 20}
    )
    opened = shop.open(customer, 2000, discounts=[{"coupon": half.id}], default_tax_rates=[vat.id])
    (own,) = opened.lines.data
    part = {"type": "invoice_line_item", "invoice_line_item": own.id, "amount": 500}
    made = note(shop, opened.id, lines=[part])
    # A quarter of 2000 - 1000 + 200.
    assert (made.subtotal, made.discount_amount, made.total) == (500, 250, 300)
    assert made.total_excluding_tax == 250
    (row,) = made.lines.data
    assert [rate.id for rate in row.tax_rates] == [vat.id]
    assert shop.invoice(opened.id).amount_due == 900


def test_a_preview_does_nothing(shop: Shop) -> None:
    opened = shop.open(shop.customer().id, 2000)
    params: Any = {"invoice": opened.id, "lines": [line(600), line(100)]}
    assert shop.client.v1.credit_notes.preview(params).total == 700
    rows = shop.client.v1.credit_notes.preview_lines.list(params).data
    assert [row.amount for row in rows] == [600, 100]
    assert shop.invoice(opened.id).amount_due == 2000
    assert not shop.client.v1.credit_notes.list({"invoice": opened.id}).data


def test_notes_and_their_lines_are_listed(shop: Shop) -> None:
    customer = shop.customer().id
    opened = shop.open(customer, 2000)
    first = note(shop, opened.id, lines=[line(1), line(2)])
    second = note(shop, opened.id, amount=5)
    assert second.number.endswith("-CN-02")
    found = shop.client.v1.credit_notes.list({"customer": customer}).data
    assert [one.id for one in found] == [second.id, first.id]
    rows = shop.client.v1.credit_notes.line_items.list(first.id).data
    assert [row.amount for row in rows] == [1, 2]
    assert shop.client.v1.credit_notes.update(first.id, {"memo": "Hm"}).memo == "Hm"


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({}, "amount"),
        ({"amount": 2001}, "amount"),
        ({"amount": 1, "lines": [line(1)]}, "amount"),
        (
            {"lines": [{"type": "invoice_line_item", "invoice_line_item": "il_none"}]},
            "lines[0][invoice_line_item]",
        ),
        ({"lines": [{"type": "custom_line_item"}]}, "lines[0][unit_amount]"),
    ],
)
def test_what_cannot_be_credited_is_refused(
    shop: Shop, params: dict[str, Any], param: str
) -> None:
    opened = shop.open(shop.customer().id, 2000)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        note(shop, opened.id, **params)
    assert refused.value.param == param


def test_after_the_payment_the_parts_must_sum(shop: Shop) -> None:
    paid = shop.paid(shop.customer().id, 2000)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        note(shop, paid.id, amount=1000, credit_amount=999)
    assert refused.value.param == "credit_amount"
    note(shop, paid.id, amount=1500, credit_amount=1500)
    with pytest.raises(stripe.InvalidRequestError, match="greater than what was paid"):
        note(shop, paid.id, amount=501, credit_amount=501)


def test_a_draft_takes_no_credit_note(shop: Shop) -> None:
    draft = shop.draft(shop.customer().id, 2000)
    with pytest.raises(stripe.InvalidRequestError, match="open or paid"):
        note(shop, draft.id, amount=100)

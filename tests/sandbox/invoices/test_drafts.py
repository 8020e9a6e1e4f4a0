"""Drafts and what is put on them."""

from decimal import Decimal

import pytest
import stripe
from tests.sandbox.invoices.conftest import DAY, HOUR, START, Shop


def test_a_draft_takes_what_waits_for_its_customer(shop: Shop) -> None:
    customer, other = shop.customer().id, shop.customer().id
    shop.item(other, 9999)
    invoice = shop.draft(customer, 1000, 250)
    assert (invoice.status, invoice.billing_reason, invoice.auto_advance) == (
        "draft",
        "manual",
        False,
    )
    assert (invoice.total, invoice.amount_due, invoice.amount_remaining) == (1250, 1250, 1250)
    assert invoice.number is None
    assert invoice.hosted_invoice_url is None
    assert (invoice.period_start, invoice.period_end) == (START, START)
    assert not shop.client.v1.invoice_items.list({"customer": customer, "pending": True}).data


def test_a_draft_takes_nothing_unless_asked(shop: Shop) -> None:
    customer = shop.customer().id
    shop.item(customer, 1000)
    assert shop.client.v1.invoices.create({"customer": customer}).total == 0


def test_what_waited_comes_newest_first_and_later_items_last(shop: Shop) -> None:
    customer = shop.customer().id
    shop.item(customer, 1)
    shop.after(10)
    shop.item(customer, 2)
    invoice = shop.draft(customer)
    shop.item(customer, 3, invoice=invoice.id)
    shop.item(customer, 4, invoice=invoice.id)
    assert [line.amount for line in shop.invoice(invoice.id).lines.data] == [2, 1, 3, 4]


@pytest.mark.parametrize(
    ("params", "amount", "unit", "quantity"),
    [
        ({"amount": 1900}, 1900, "1900", 1),
        ({"amount": -300}, -300, "-300", 1),
        ({"unit_amount_decimal": "2.5", "quantity": 3}, 8, "2.5", 3),
        ({"unit_amount_decimal": "100", "quantity_decimal": "1.25"}, 125, "100", 1),
    ],
)
def test_an_item_costs_an_amount_or_a_rate(
    shop: Shop, params: dict[str, str], amount: int, unit: str, quantity: int
) -> None:
    item = shop.item_of(shop.customer().id, **params)
    assert item.amount == amount
    assert item.pricing is not None
    assert item.pricing.unit_amount_decimal == Decimal(unit)
    assert item.quantity == quantity


def test_an_item_costs_a_price(shop: Shop) -> None:
    price = shop.client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 4000,
            "transform_quantity": {"divide_by": 10, "round": "up"},
            "product_data": {"name": "Devices"},
        }
    )
    item = shop.item_of(shop.customer().id, pricing={"price": price.id}, quantity=23)
    assert (item.amount, item.description) == (12_000, "Devices")
    changed = shop.client.v1.invoice_items.update(item.id, {"quantity": 31})
    assert changed.amount == 16_000


def test_equal_amounts_share_the_price_that_stands_for_them(shop: Shop) -> None:
    first, second, other = (shop.item(shop.customer().id, n).pricing for n in (700, 700, 701))
    assert first is not None
    assert second is not None
    assert other is not None
    assert first.price_details == second.price_details
    assert first.price_details != other.price_details
    assert first.price_details is not None
    assert shop.client.v1.prices.retrieve(str(first.price_details.price)).unit_amount == 700


def test_an_item_on_a_draft_changes_and_leaves_it(shop: Shop) -> None:
    customer = shop.customer().id
    invoice = shop.draft(customer, 1000)
    item = shop.item(customer, 500, invoice=invoice.id)
    shop.client.v1.invoice_items.update(item.id, {"amount": 800, "description": "More"})
    now = shop.invoice(invoice.id)
    assert (now.total, now.lines.data[1].description) == (1800, "More")
    assert shop.client.v1.invoice_items.delete(item.id).deleted
    assert shop.invoice(invoice.id).total == 1000


def test_lines_are_listed_in_pages_and_the_first_ten_shown(shop: Shop) -> None:
    customer = shop.customer().id
    invoice = shop.draft(customer)
    shop.client.v1.invoices.add_lines(
        invoice.id, {"lines": [{"amount": n, "description": f"line {n}"} for n in range(1, 13)]}
    )
    shown = shop.invoice(invoice.id).lines
    assert ([line.amount for line in shown.data], shown.has_more) == (list(range(1, 11)), True)
    listed = shop.client.v1.invoices.line_items.list(invoice.id, {"limit": 5})
    assert [line.amount for line in listed.auto_paging_iter()] == list(range(1, 13))
    assert shop.invoice(invoice.id).total == 78


def test_lines_are_added_changed_and_removed(shop: Shop) -> None:
    customer = shop.customer().id
    invoice = shop.draft(customer)
    waiting = shop.item(customer, 300)
    added = shop.client.v1.invoices.add_lines(
        invoice.id, {"lines": [{"invoice_item": waiting.id}, {"amount": 50}]}
    )
    pulled, new = added.lines.data
    changed = shop.client.v1.invoices.line_items.update(
        invoice.id, pulled.id, {"amount": 400, "metadata": {"a": "b"}}
    )
    assert (changed.amount, changed.metadata["a"]) == (400, "b")
    assert shop.client.v1.invoice_items.retrieve(waiting.id).amount == 400
    both = shop.client.v1.invoices.update_lines(
        invoice.id, {"lines": [{"id": new.id, "amount": 60}], "invoice_metadata": {"c": "d"}}
    )
    assert both.metadata is not None
    assert (both.total, both.metadata["c"]) == (460, "d")
    gone = shop.client.v1.invoices.remove_lines(
        invoice.id,
        {
            "lines": [
                {"id": pulled.id, "behavior": "unassign"},
                {"id": new.id, "behavior": "delete"},
            ]
        },
    )
    assert gone.total == 0
    left = shop.client.v1.invoice_items.list({"customer": customer}).data
    assert [(item.id, item.invoice) for item in left] == [(waiting.id, None)]


def test_an_invoice_holds_250_lines(shop: Shop) -> None:
    invoice = shop.draft(shop.customer().id)
    many = [{"amount": 1, "description": "x"}] * 250
    shop.client.v1.invoices.add_lines(invoice.id, {"lines": many})  # type: ignore[typeddict-item]  # made of parts
    with pytest.raises(stripe.InvalidRequestError, match="at most 250"):
        shop.client.v1.invoices.add_lines(invoice.id, {"lines": [{"amount": 1}]})
    assert shop.invoice(invoice.id).total == 250


def test_a_deleted_draft_lets_go_of_what_had_waited(shop: Shop) -> None:
    customer = shop.customer().id
    waited = shop.item(customer, 300)
    invoice = shop.draft(customer)
    made = shop.item(customer, 400, invoice=invoice.id)
    assert shop.client.v1.invoices.delete(invoice.id).deleted
    left = shop.client.v1.invoice_items.list({"customer": customer}).data
    assert [item.id for item in left] == [waited.id]
    assert shop.events()[-2:] == ["invoiceitem.deleted", "invoice.deleted"]
    with pytest.raises(stripe.InvalidRequestError) as gone:
        shop.client.v1.invoice_items.retrieve(made.id)
    assert gone.value.code == "resource_missing"


def test_a_draft_carries_its_words_and_terms(shop: Shop) -> None:
    customer = shop.customer().id
    invoice = shop.draft(
        customer,
        500,
        collection_method="send_invoice",
        days_until_due=14,
        description="Thanks",
        footer="Sandbox Ltd",
        custom_fields=[{"name": "PO", "value": "17"}],
        metadata={"order": "1"},
    )
    assert invoice.due_date == START + 14 * DAY
    assert (invoice.description, invoice.footer) == ("Thanks", "Sandbox Ltd")
    assert [(f.name, f.value) for f in invoice.custom_fields or []] == [("PO", "17")]
    changed = shop.client.v1.invoices.update(
        invoice.id, {"due_date": START + DAY, "description": "Thank you", "custom_fields": ""}
    )
    assert (changed.due_date, changed.description, changed.custom_fields) == (
        START + DAY,
        "Thank you",
        None,
    )


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"days_until_due": 3}, "days_until_due"),
        ({"collection_method": "send_invoice"}, "days_until_due"),
        ({"collection_method": "send_invoice", "due_date": START - 1}, "due_date"),
        ({"subscription": "sub_none"}, "subscription"),
        ({"discounts": [{"coupon": "none"}]}, "discounts[0][coupon]"),
    ],
)
def test_terms_that_do_not_go_together_are_refused(
    shop: Shop, params: dict[str, str], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.draft(shop.customer().id, 500, **params)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "parameter_missing"),
        ({"amount": 1, "unit_amount_decimal": "1"}, "parameters_exclusive"),
        ({"amount": 1, "quantity": 2}, "parameters_exclusive"),
        ({"amount": 1, "invoice": "in_none"}, "resource_missing"),
    ],
)
def test_an_item_that_costs_nothing_or_twice_is_refused(
    shop: Shop, params: dict[str, str], code: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.item_of(shop.customer().id, **params)
    assert refused.value.code == code


def test_nothing_changes_a_finalized_invoices_amounts(shop: Shop) -> None:
    customer = shop.customer().id
    invoice = shop.open(customer, 1000)
    item = invoice.lines.data[0].parent
    assert item is not None
    assert item.invoice_item_details is not None
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.client.v1.invoice_items.delete(item.invoice_item_details.invoice_item)
    assert refused.value.code == "invoice_not_editable"
    with pytest.raises(stripe.InvalidRequestError, match="Finalized invoices"):
        shop.client.v1.invoices.update(invoice.id, {"footer": "x"})
    changed = shop.client.v1.invoices.update(invoice.id, {"metadata": {"a": "b"}})
    assert changed.metadata is not None
    assert changed.metadata["a"] == "b"


def test_a_draft_that_advances_is_finalized_and_paid_after_an_hour(shop: Shop) -> None:
    invoice = shop.draft(shop.customer().id, 1000, auto_advance=True)
    assert invoice.automatically_finalizes_at == START + HOUR
    assert invoice.next_payment_attempt == START + HOUR
    shop.after(HOUR - 1)
    assert shop.invoice(invoice.id).status == "draft"
    shop.after(HOUR)
    paid = shop.invoice(invoice.id)
    assert (paid.status, paid.attempt_count, paid.automatically_finalizes_at) == ("paid", 1, None)
    assert paid.status_transitions.finalized_at == START + HOUR


def test_the_hour_can_be_chosen_and_taken_back(shop: Shop) -> None:
    customer = shop.customer().id
    later = shop.draft(
        customer, 1000, auto_advance=True, automatically_finalizes_at=START + 5 * HOUR
    )
    never = shop.draft(customer, 1000, auto_advance=True)
    stopped = shop.client.v1.invoices.update(never.id, {"auto_advance": False})
    assert stopped.automatically_finalizes_at is None
    shop.after(5 * HOUR)
    assert [shop.invoice(i.id).status for i in (later, never)] == ["paid", "draft"]


def test_invoices_are_listed_and_found(shop: Shop) -> None:
    one, two = shop.customer().id, shop.customer().id
    paid = shop.paid(one, 1000, metadata={"order": "7"})
    draft = shop.draft(one, 500)
    shop.draft(two, 700)

    def found(**filters: str) -> list[str]:
        return [i.id for i in shop.client.v1.invoices.list(filters).data]  # type: ignore[arg-type]  # made of parts

    assert found(customer=one) == [draft.id, paid.id]
    assert found(customer=one, status="paid") == [paid.id]
    assert len(found()) == 3
    query = "metadata['order']:'7' AND total>900"
    assert [i.id for i in shop.client.v1.invoices.search({"query": query}).data] == [paid.id]

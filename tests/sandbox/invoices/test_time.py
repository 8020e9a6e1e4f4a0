"""What happens to invoices by themselves, and on whose clock."""

import pytest
from tests.sandbox.invoices.conftest import DAY, HOUR, START, Shop

from tallygate_sandbox.invoices import dunning
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Seen, World
from tallygate_sandbox.world.registry import REACTIONS


def test_a_deleted_or_finalized_draft_has_no_hour_of_grace_left(shop: Shop) -> None:
    customer = shop.customer().id
    gone, early = (shop.draft(customer, 100, auto_advance=True) for _ in range(2))
    shop.client.v1.invoices.delete(gone.id)
    shop.client.v1.invoices.finalize_invoice(early.id, {"auto_advance": False})
    shop.after(DAY)
    assert shop.invoice(early.id).status == "open"
    assert "invoice.finalization_failed" not in shop.events()


def test_a_draft_that_cannot_be_finalized_says_why_and_stays(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: World, invoice: Seen) -> None:
        raise Refusal(f"Not today: {invoice['id']}", code="customer_tax_location_invalid")

    monkeypatch.setitem(REACTIONS, "invoice.finalizing", [refuse])
    invoice = shop.draft(shop.customer().id, 1000, auto_advance=True)
    shop.after(DAY)
    left = shop.invoice(invoice.id)
    assert (left.status, left.auto_advance) == ("draft", False)
    assert left.last_finalization_error is not None
    assert left.last_finalization_error.code == "customer_tax_location_invalid"
    assert shop.events()[-1] == "invoice.finalization_failed"


def test_a_customer_on_a_test_clock_is_billed_by_it(shop: Shop) -> None:
    clock = shop.client.v1.test_helpers.test_clocks.create({"frozen_time": START - 100 * DAY})
    customer = shop.customer(test_clock=clock.id).id
    invoice = shop.draft(customer, 1000, auto_advance=True)
    assert (invoice.created, invoice.test_clock) == (START - 100 * DAY, clock.id)
    shop.after(DAY)
    assert shop.invoice(invoice.id).status == "draft"
    shop.client.v1.test_helpers.test_clocks.advance(
        clock.id, {"frozen_time": START - 100 * DAY + HOUR}
    )
    shop.after(2 * DAY)
    paid = shop.invoice(invoice.id)
    assert (paid.status, paid.status_transitions.paid_at) == ("paid", START - 100 * DAY + HOUR)
    (payment,) = shop.client.v1.invoice_payments.list({"invoice": invoice.id}).data
    assert payment.status_transitions.paid_at == START - 100 * DAY + HOUR
    listed = shop.client.v1.invoices.list
    assert not listed().data
    assert [i.id for i in listed({"customer": customer}).data] == [invoice.id]


def test_a_detached_card_fails_and_the_clock_goes_on(shop: Shop) -> None:
    customer = shop.customer().id
    card = shop.client.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    invoice = shop.draft(customer, 1000, auto_advance=True, default_payment_method=card)
    shop.client.v1.payment_methods.detach(card)
    shop.after(HOUR)
    left = shop.invoice(invoice.id)
    assert (left.status, left.attempt_count) == ("open", 1)
    assert left.next_payment_attempt == START + HOUR + 3 * DAY


def test_the_balance_says_which_invoice_moved_it(shop: Shop) -> None:
    customer = shop.customer(balance=-300).id
    used = shop.open(customer, 1000)
    small = shop.open(customer, 10)
    shop.client.v1.invoices.void_invoice(used.id)
    moved = shop.client.v1.customers.balance_transactions.list(customer).data
    assert [(one.type, one.amount, one.invoice) for one in moved][:3] == [
        ("unapplied_from_invoice", -300, used.id),
        ("invoice_too_small", 10, small.id),
        ("applied_to_invoice", 300, used.id),
    ]


def test_the_account_decides_the_grace_and_the_retries(shop: Shop) -> None:
    world = shop.sandbox.world
    with world.transaction():
        dunning.configure(world, dunning.Settings((1,), "cancel", 72 * HOUR))
    customer = shop.customer("pm_card_chargeCustomerFail").id
    invoice = shop.draft(customer, 1000, auto_advance=True)
    assert invoice.automatically_finalizes_at == START + 72 * HOUR
    shop.after(4 * DAY)
    left = shop.invoice(invoice.id)
    assert (left.attempt_count, left.next_payment_attempt) == (2, None)


def test_an_open_invoice_may_be_collected_from_now_on(shop: Shop) -> None:
    opened = shop.open(shop.customer().id, 1000)
    on = shop.client.v1.invoices.update(opened.id, {"auto_advance": True})
    assert on.next_payment_attempt == START + HOUR
    off = shop.client.v1.invoices.update(opened.id, {"auto_advance": False})
    assert off.next_payment_attempt is None
    shop.after(DAY)
    assert shop.invoice(opened.id).status == "open"
    shop.client.v1.invoices.update(opened.id, {"auto_advance": True})
    shop.after(DAY + HOUR)
    assert shop.invoice(opened.id).status == "paid"


def test_a_subscriptions_own_items_wait_for_its_invoices(shop: Shop) -> None:
    customer = shop.customer().id
    price = shop.client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 2500,
            "recurring": {"interval": "month"},
            "product_data": {"name": "Basic"},
        }
    )
    one, two = (
        shop.client.v1.subscriptions.create(
            {"customer": customer, "items": [{"price": price.id}], "metadata": {"n": n}}
        )
        for n in "12"
    )
    shop.item(customer, 100, subscription=one.id)
    shop.item(customer, 200, subscription=two.id)
    shop.item(customer, 400)
    invoice = shop.draft(customer, subscription=two.id)
    assert (invoice.total, invoice.billing_reason) == (200, "manual")
    assert invoice.parent is not None
    assert invoice.parent.subscription_details is not None
    assert invoice.parent.subscription_details.subscription == two.id
    assert invoice.parent.subscription_details.metadata is not None
    assert invoice.parent.subscription_details.metadata["n"] == "2"
    shop.after(31 * DAY + HOUR)
    renewed = {
        sub.id: shop.client.v1.invoices.list({"subscription": sub.id, "status": "paid"}).data[0]
        for sub in (one, two)
    }
    assert [renewed[one.id].total, renewed[two.id].total] == [3000, 2500]


def test_invoices_are_found_by_their_due_date(shop: Shop) -> None:
    customer = shop.customer().id
    for days in (3, 10):
        shop.draft(customer, 100, collection_method="send_invoice", days_until_due=days)
    found = shop.client.v1.invoices.list({"due_date": {"lt": START + 5 * DAY}}).data
    assert [i.due_date for i in found] == [START + 3 * DAY]

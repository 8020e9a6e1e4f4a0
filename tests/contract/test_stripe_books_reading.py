"""What Stripe shows of an account is seen, in as few requests as it takes."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import stripe
from tests.contract.stripe_shop import (
    FEBRUARY,
    IN_JANUARY,
    JANUARY,
    MARCH,
    START,
    Shop,
    item_of,
    on,
)

from tallygate.adapters.stripe.looking import Looking
from tallygate.collection.intents import (
    ChangeItems,
    Finalize,
    OpenCustomer,
    OpenInvoice,
    PutItem,
    StartSubscription,
    Total,
)
from tallygate.collection.seen import Decline, Seen, SeenCustomer
from tallygate.core.errors import Invalid
from tallygate.core.money import Money
from tallygate_sandbox.testing import running_sandbox


@pytest.fixture
def shop() -> Iterator[Shop]:
    with running_sandbox(frozen=START) as sandbox:
        yield Shop(sandbox)


def reads(shop: Shop, customer: str, *invoices: str) -> int:
    """How many a look takes."""
    before = shop.calls.reads
    shop.look(customer, *invoices)
    return shop.calls.reads - before


# How many requests


def test_an_account_at_rest_takes_two_reads(shop: Shop) -> None:
    """Prices and meters are read once, by whoever looks first."""
    customer = shop.customer()
    shop.subscribed(customer, "pro_base", "calls", "disk", seats=2)
    assert reads(shop, customer) == 2
    stranger = shop.open_books()
    first = stranger.look(customer, JANUARY)
    # Two, four prices, and the meters.
    assert (stranger.calls.reads, stranger.calls.writes) == (7, 0)
    assert stranger.look(customer, JANUARY) == first
    assert stranger.calls.reads == 9


def test_a_customer_without_a_subscription_takes_three(shop: Shop) -> None:
    assert reads(shop, shop.customer()) == 3


def test_each_open_invoice_takes_one_more(shop: Shop) -> None:
    customer = shop.customer()
    shop.subscribed(customer, "pro_base")
    shop.advance(FEBRUARY)
    assert reads(shop, customer) == 2
    shop.books.carry_out(Finalize(shop.latest(customer).id), shop.key())
    assert reads(shop, customer) == 3
    shop.advance(FEBRUARY + timedelta(hours=3))
    assert reads(shop, customer) == 2


# Which invoices


def test_older_invoices_are_seen_where_they_are_asked_for(shop: Shop) -> None:
    customer, other = shop.customer(), shop.customer()
    drafts = [
        shop.books.carry_out(OpenInvoice(customer, f"inv_{number}", "usd", "One"), shop.key())
        for number in range(23)
    ]
    strange = shop.books.carry_out(OpenInvoice(other, "inv_x", "usd", "Another's"), shop.key())
    assert [one.id for one in shop.look(customer).invoices] == drafts[3:]
    gone = drafts.pop(1)
    shop.client.v1.invoices.delete(gone)
    seen = shop.look(customer, drafts[0], drafts[5], gone, strange)
    assert {one.id for one in seen.invoices} == {drafts[0], *drafts[2:]}
    assert len(seen.invoices) == 21
    assert seen.invoice(drafts[0]) is not None
    marks = [one.invoice for one in seen.invoices if one.id == drafts[0]]
    assert marks == ["inv_0"]


def test_lines_beyond_the_first_page_are_lines_too(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stripe embeds ten. What is final is read once; what is left out would be noticed."""
    customer = shop.customer()
    shop.subscribed(customer, "pro_base", seats=2, coupons=("EARLY",))
    shop.advance(FEBRUARY)
    draft = shop.latest(customer)
    lines: Any = [
        {"amount": 1, "description": "One", "metadata": {"tallygate_item": f"lin_{number}"}}
        for number in range(110)
    ]
    shop.client.v1.invoices.add_lines(draft.id, {"lines": lines})
    seen = shop.latest(customer)
    assert [line.item for line in seen.lines[2:]] == [f"lin_{number}" for number in range(110)]
    assert sum(line.net for line in seen.lines) == seen.total == 3609
    shop.books.carry_out(Finalize(draft.id), shop.key())
    shop.client.v1.invoices.pay(draft.id)
    reads = []
    for _ in range(2):
        before = shop.calls.reads
        assert len(shop.latest(customer).lines) == 112
        reads.append(shop.calls.reads - before)
    assert reads == [4, 2]
    monkeypatch.setattr(Looking, "lines_of", lambda _, said: said["lines"]["data"])
    seen = shop.latest(customer)
    assert sum(line.net for line in seen.lines) != seen.total


# Payments that fail


def test_a_decline_is_seen_with_its_reason_and_the_next_attempt(shop: Shop) -> None:
    v1, customer = shop.client.v1, shop.customer()
    there = shop.subscribed(customer, "pro_base")
    bad = shop.give_card(customer, "pm_card_chargeCustomerFail")
    # The first payment's card is the subscription's own, and comes before the customer's.
    v1.subscriptions.update(there.id, {"default_payment_method": bad})
    shop.advance(FEBRUARY + timedelta(hours=2))
    seen = shop.look(customer)
    assert seen.subscriptions[0].status == "past_due"
    declined = seen.invoices[-1]
    assert declined.decline == Decline("card_declined", "generic_decline", "try_again_later")
    assert (declined.status, declined.attempts, declined.advances) == ("open", 1, True)
    assert declined.finalized_at is not None
    assert declined.next_attempt == declined.finalized_at + timedelta(days=3)
    assert (declined.amount_due, declined.amount_paid) == (2900, 0)
    assert not declined.needs_action
    good = shop.give_card(customer, "pm_card_visa")
    v1.invoices.pay(declined.id, {"payment_method": good})
    paid = shop.look(customer)
    assert paid.subscriptions[0].status == "active"
    assert (paid.invoices[-1].status, paid.invoices[-1].decline) == ("paid", None)


def test_a_payment_that_asks_for_its_owner_is_seen(shop: Shop) -> None:
    customer = shop.customer("pm_card_authenticationRequired")
    begun = StartSubscription("pur_1", "bil_1", customer, (shop.item("pro_base"),), "usd")
    subscription = shop.books.carry_out(begun, shop.key())
    waiting = shop.look(customer)
    assert waiting.subscriptions[0].status == "incomplete"
    assert not waiting.subscriptions[0].lives
    assert waiting.subscriptions[0].purchase == "pur_1"
    secret = shop.books.client_secret(subscription)
    assert secret is not None
    assert "_secret_" in secret
    with pytest.raises(stripe.CardError):
        shop.client.v1.invoices.pay(waiting.invoices[0].id)
    [first] = shop.look(customer).invoices
    assert first.needs_action
    shop.advance(on(1))
    expired = shop.look(customer)
    assert expired.subscriptions[0].status == "incomplete_expired"
    assert [one.status for one in expired.invoices] == ["void"]
    assert shop.books.client_secret(subscription) is None


def test_tax_is_shown_and_no_part_of_the_total(shop: Shop) -> None:
    customer, v1 = shop.customer(), shop.client.v1
    vat: Any = {"display_name": "VAT", "percentage": "20", "inclusive": False}
    rate = v1.tax_rates.create(vat)
    subscription = shop.subscribed(customer, "pro_base", coupons=("EARLY",))
    v1.subscriptions.update(subscription.id, {"default_tax_rates": [rate.id]})
    shop.advance(FEBRUARY)
    draft = shop.latest(customer)
    assert (draft.total, draft.tax, draft.amount_due) == (2610, 522, 3132)


def test_what_a_credit_grant_pays_is_no_discount(shop: Shop) -> None:
    """It pays in advance what the invoice asks; the invoice comes to the same."""
    customer = shop.customer()
    shop.subscribed(customer, "pro_base", "calls")
    grant: Any = {
        "customer": customer,
        "category": "paid",
        "amount": {"type": "monetary", "monetary": {"currency": "usd", "value": 150}},
        "applicability_config": {"scope": {"price_type": "metered"}},
    }
    shop.client.v1.billing.credit_grants.create(grant)
    shop.advance(on(3))
    shop.books.report(Total(customer, "calls", 40, on(2), "calls-1"))
    shop.advance(FEBRUARY)
    shop.books.carry_out(Finalize(shop.latest(customer).id), shop.key())
    final = shop.latest(customer)
    assert (final.total, final.amount_due) == (3100, 2950)
    assert sum(line.net for line in final.lines) == final.total


# Customers


def test_a_customer_who_is_gone_is_shown_as_deleted(shop: Shop) -> None:
    customer = shop.customer()
    subscription = shop.subscribed(customer, "pro_base")
    shop.client.v1.customers.delete(customer)
    seen = shop.look(customer)
    assert seen.customer == SeenCustomer(customer, deleted=True)
    assert [(one.id, one.status) for one in seen.subscriptions] == [(subscription.id, "canceled")]
    assert len(seen.invoices) == 1
    assert shop.look("cus_nobody") == Seen(JANUARY, SeenCustomer("cus_nobody", deleted=True))


def test_a_customer_of_somebody_elses_has_no_marks(shop: Shop) -> None:
    made = shop.client.v1.customers.create({"metadata": {"tallygate_epoch": "x1"}})
    assert shop.look(made.id).customer == SeenCustomer(made.id)


def test_customers_are_found_by_their_account(shop: Shop) -> None:
    def open_one(account: str, email: str | None = None) -> str:
        opened = OpenCustomer(account, "org_1", "Acme", email, "ins_1", 3)
        return shop.books.carry_out(opened, shop.key())

    first = open_one("bil_a")
    shop.advance(on(1))
    second, _ = open_one("bil_a", "a@example.com"), open_one("bil_b")
    assert shop.books.customers_of("bil_a") == (first, second)
    assert shop.books.customers_of("bil_c") == ()
    with pytest.raises(Invalid, match="no id of a billing account"):
        shop.books.customers_of("x' OR metadata['a']:'b")


def test_items_keep_their_words_within_stripes_limit(shop: Shop) -> None:
    customer = shop.customer()
    draft = shop.books.carry_out(OpenInvoice(customer, "inv_1", "usd", "x" * 900), shop.key())
    put = PutItem(customer, draft, "lin_1", Money(5, "usd"), "y" * 900, IN_JANUARY)
    item = shop.books.carry_out(put, shop.key())
    said = shop.client.v1.invoice_items.retrieve(item)
    assert said.description == "y" * 500
    assert (said.invoice, said.discountable) == (draft, False)


def test_a_count_is_set_without_proration(shop: Shop) -> None:
    customer = shop.customer()
    there = shop.subscribed(customer, "pro_base", "calls", seats=2)
    shop.advance(on(10))
    more = ChangeItems(there.id, (shop.item("disk"),), (), {item_of(there, "seats"): 7})
    shop.books.carry_out(more, shop.key())
    shop.advance(FEBRUARY)
    lines = shop.latest(customer).lines
    assert [(line.key, line.amount, line.kind) for line in lines] == [
        ("pro_base", 2900, "flat"),
        ("seats", 3500, "flat"),
    ]
    assert shop.latest(customer).boundary == FEBRUARY != MARCH


def test_the_books_say_whose_they_are(shop: Shop) -> None:
    assert (shop.books.name, shop.books.live) == ("Stripe (test mode)", False)
    assert isinstance(shop.look(shop.customer()).at, datetime)

"""What Stripe shows is seen, in as few requests as it takes."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import stripe
from tests.contract.stripe_shop import (
    CATALOG,
    FEBRUARY,
    IN_JANUARY,
    JANUARY,
    MARCH,
    START,
    Shop,
    item_of,
    on,
)

from tallygate.collection.held import Asked
from tallygate.collection.intents import (
    ChangeFlats,
    ChangeItems,
    Finalize,
    OpenCheckout,
    OpenCustomer,
    OpenInvoice,
    PutItem,
    SetEnd,
    StartSubscription,
    Total,
    WantedItem,
)
from tallygate.collection.provider import Failure
from tallygate.collection.seen import Decline, Seen, SeenCustomer, SeenLine
from tallygate.core.errors import Invalid, Refused
from tallygate.core.money import Money
from tallygate.core.period import Period
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
    assert declined.next_attempt == declined.finalized_at + timedelta(days=3)  # type: ignore[operator]
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


# Previews


def start(shop: Shop, customer: str, *keys: str, **more: Any) -> StartSubscription:
    items = tuple(shop.item(key) for key in keys)
    return StartSubscription("pur_1", "bil_1", customer, items, "usd", **more)


def test_a_start_is_foreseen_and_not_made(shop: Shop) -> None:
    customer = shop.customer()
    before = shop.world()
    wish = start(shop, customer, "pro_base", "calls", coupons=("FIRST", "EARLY"))
    foreseen = shop.books.foresee_start(wish)
    assert foreseen is not None
    off = {"FIRST": 400, "EARLY": 250}
    assert foreseen.lines == (SeenLine("flat", 2900, IN_JANUARY, "pro_base", discounts=off),)
    assert (foreseen.total, foreseen.boundary) == (2250, None)
    assert shop.world() == before
    shop.books.carry_out(wish, shop.key())
    [made] = shop.look(customer).invoices
    assert (made.lines, made.total) == (foreseen.lines, foreseen.total)
    assert shop.subscription(customer).coupons == ("EARLY",)  # the other is spent


def test_a_trial_is_foreseen_to_cost_nothing(shop: Shop) -> None:
    customer = shop.customer()
    wish = start(shop, customer, "pro_base", "calls", trial_days=14)
    foreseen = shop.books.foresee_start(wish)
    assert foreseen is not None
    trial = Period(JANUARY, on(14))
    assert foreseen.lines == (SeenLine("flat", 0, trial, "pro_base"),)
    subscription = shop.books.carry_out(wish, shop.key())
    there = shop.subscription(customer)
    assert (there.status, there.trial_end) == ("trialing", on(14))
    assert shop.latest(customer).lines == foreseen.lines
    # A change in it is invoiced by nothing, though Stripe's preview shows the end of the trial.
    upgrade = ChangeFlats(
        subscription,
        (shop.item("max_base"),),
        (item_of(there, "pro_base"),),
        JANUARY,
        "inv_1",
        charged=True,
    )
    foreseen = shop.books.foresee_change(upgrade)
    assert (foreseen.lines, foreseen.total, foreseen.currency) == ((), 0, "usd")
    shop.books.carry_out(upgrade, shop.key())
    assert len(shop.look(customer).invoices) == 1
    assert shop.subscription(customer).trial_end == on(14)
    shop.advance(on(14))
    first = shop.latest(customer)
    assert (first.boundary, first.total) == (on(14), 9900)


def test_a_start_with_usage_only_has_no_invoice(shop: Shop) -> None:
    customer = shop.customer()
    wish = start(shop, customer, "calls")
    assert shop.books.foresee_start(wish) is None
    shop.books.carry_out(wish, shop.key())
    assert shop.look(customer).invoices == ()
    assert shop.subscription(customer).status == "active"


def test_nothing_is_upcoming_after_the_end(shop: Shop) -> None:
    customer = shop.customer()
    there = shop.subscribed(customer, "pro_base")
    assert shop.books.upcoming(there.id) is not None
    shop.books.carry_out(SetEnd(there.id, FEBRUARY), shop.key())
    assert shop.books.upcoming(there.id) is None


# Prices


def test_a_price_that_differs_from_the_catalog_is_refused_with_what_to_do(shop: Shop) -> None:
    customer, held = shop.customer(), shop.held["pro_base"]
    dear = WantedItem(replace(held, amounts={"usd": Asked(Decimal(3100))}))
    wish = StartSubscription("pur_1", "bil_1", customer, (dear,), "usd")
    with pytest.raises(Refused, match="catalog apply"):
        shop.books.carry_out(wish, shop.key())
    assert shop.look(customer).subscriptions == ()


def test_a_former_price_is_known_by_what_it_was_made_for(shop: Shop) -> None:
    """Who has bought at 29.00 keeps it; the key belongs to 31.00 by now."""
    customer = shop.customer()
    there = shop.subscribed(customer, "pro_base")
    former = shop.item("pro_base")
    shop.publish(CATALOG.replace('flat: "29.00"', 'flat: "31.00"'))
    books = shop.open_books()
    [item] = books.look(customer, JANUARY).subscriptions[0].items
    assert (item.key, item.price.key, item.price.active) == ("pro_base", None, False)
    assert item.price.terms == former.price
    assert books.look(customer, JANUARY).subscriptions[0].id == there.id
    with pytest.raises(Refused, match="inactive"):
        books.carry_out(
            StartSubscription("pur_2", "bil_1", customer, (former,), "usd"), shop.key()
        )
    books.carry_out(
        StartSubscription("pur_3", "bil_1", customer, (shop.item("pro_base"),), "usd"), shop.key()
    )
    totals = sorted(one.total for one in books.look(customer, JANUARY).invoices)
    assert totals == [2900, 3100]


def test_a_price_of_somebody_elses_stands_for_ours_where_it_asks_the_same(shop: Shop) -> None:
    v1, customer = shop.client.v1, shop.customer()
    theirs: Any = {"product": "prod_pro", "currency": "usd", "recurring": {"interval": "month"}}
    same = v1.prices.create(theirs | {"unit_amount": 2900}).id
    other = v1.prices.create(theirs | {"unit_amount": 2800}).id
    wish = start(shop, customer, "pro_base")
    with pytest.raises(Refused, match=f"{other} at Stripe was chosen for pro_base"):
        shop.open_books(prices={"pro_base": other}).carry_out(wish, shop.key())
    books = shop.open_books(prices={"pro_base": same})
    books.carry_out(wish, shop.key())
    [item] = books.look(customer, JANUARY).subscriptions[0].items
    assert (item.key, item.price.id, item.price.terms) == ("pro_base", same, shop.held["pro_base"])


# Buying


def test_a_checkout_leaves_out_a_count_of_nothing_and_takes_one_coupon(shop: Shop) -> None:
    where = ("https://shop.example/thanks", "https://shop.example/back")
    items = (shop.item("pro_base"), shop.item("seats", 0))
    wish = OpenCheckout("pur_1", "bil_1", shop.customer(), items, "usd", *where, trial_days=7)
    session = shop.books.carry_out(wish, shop.key()).split()[0]
    sold = shop.client.v1.checkout.sessions.retrieve(session, {"expand": ["line_items"]})
    said = sold.to_dict()
    assert [line["price"]["lookup_key"] for line in said["line_items"]["data"]] == ["pro_base"]
    assert said["allow_promotion_codes"] is True
    assert (said["metadata"]["tallygate_purchase"], said["currency"]) == ("pur_1", "usd")
    with pytest.raises(Refused, match="takes one coupon"):
        shop.books.carry_out(replace(wish, coupons=("EARLY", "FIRST")), shop.key())


def test_nobody_buys_through_a_session_that_was_ended(shop: Shop) -> None:
    where = ("https://shop.example/thanks", "https://shop.example/back")
    items = (shop.item("pro_base"),)
    wish = OpenCheckout("pur_1", "bil_1", shop.customer(), items, "usd", *where)
    session = shop.books.carry_out(wish, shop.key()).split()[0]
    for _ in range(2):
        shop.books.expire_session(session)
        there = shop.books.session(session)
        assert (there.status, there.paid, there.url) == ("expired", False, None)
    with pytest.raises(Refused, match="No such session"):
        shop.books.expire_session("cs_test_nothing")


def test_a_trial_that_needs_a_card_has_a_secret(shop: Shop) -> None:
    wish = start(shop, shop.customer(card=None), "pro_base", trial_days=14)
    subscription = shop.books.carry_out(wish, shop.key())
    secret = shop.books.client_secret(subscription)
    assert secret is not None
    assert secret.startswith("seti_")


def test_the_portal_opens(shop: Shop) -> None:
    customer = shop.customer()
    assert shop.books.portal(customer, "https://shop.example/back").startswith(shop.sandbox.url)
    with pytest.raises(Refused):
        shop.books.portal("cus_nobody", None)


# Usage


def test_a_total_is_counted_in_whole_minutes(shop: Shop) -> None:
    customer = shop.customer()
    shop.advance(on(2))
    noon = on(1, hour=12)
    for number, seconds in enumerate((59, 61, 119)):
        stamp = noon + timedelta(seconds=seconds)
        shop.books.report(Total(customer, "calls", 10 + number, stamp, f"calls-{number}"))

    def counted(start: float, end: float) -> int | None:
        window = Period(noon + timedelta(seconds=start), noon + timedelta(seconds=end))
        return shop.books.counted(customer, "calls", window)

    assert counted(0, 60) == 10
    assert counted(0, 119.9) == 10
    assert counted(0, 120) == 12
    assert counted(0.5, 120) == 12  # of the minute that has begun nothing is asked
    assert counted(1, 59) is None
    assert counted(120, 180) == 0
    assert shop.books.counted(customer, "nothing", IN_JANUARY) is None


def test_fifteen_digits_are_counted_exactly(shop: Shop) -> None:
    customer, most = shop.customer(), 999_999_999_999_999
    shop.advance(on(2))
    shop.books.report(Total(customer, "calls", most, on(1), "calls-1"))
    assert shop.books.counted(customer, "calls", IN_JANUARY) == most
    with pytest.raises(Refused):
        shop.books.report(Total(customer, "calls", most + 1, on(1), "calls-2"))


@pytest.mark.parametrize("kind", ["drop_after", "error_after", "drop", "rate_limit"])
def test_a_total_is_reported_once_whatever_happens(shop: Shop, kind: str) -> None:
    customer = shop.customer()
    shop.advance(on(2))
    total = Total(customer, "calls", 7, on(1), "calls-1")
    shop.fail(kind, path="/v1/billing/meter_events")
    if kind == "error_after":
        with pytest.raises(Exception, match="Stripe failed"):
            shop.books.report(total)
    else:
        shop.open_books(tries=2).report(total)
        shop.books.report(total)
    assert shop.books.counted(customer, "calls", IN_JANUARY) == 7
    # A day later the key is forgotten, and a little later the identifier is.
    shop.advance(on(2, hour=12))
    assert shop.books.counted(customer, "calls", IN_JANUARY) == 7


def test_a_total_that_did_not_count_is_told_by_its_identifier(shop: Shop) -> None:
    customer = shop.customer()
    shop.books.report(Total("cus_nobody", "calls", 7, JANUARY, "calls-1"))
    shop.books.report(Total(customer, "nothing", 7, JANUARY, "nothing-1"))
    listed = shop.client.v2.core.events.list().data
    told = [failure for one in listed for failure in shop.books.failures(one.id)]
    codes = {(one.identifier, one.code) for one in told}
    assert codes == {
        ("calls-1", "meter_event_customer_not_found"),
        ("nothing-1", "no_meter"),
    }
    assert all(isinstance(one, Failure) and one.message for one in told)
    with pytest.raises(Refused):
        shop.books.failures("evt_test_nothing")


# Events


def test_events_are_listed_as_their_webhooks_tell_them(shop: Shop) -> None:
    """All pages, oldest first, each as Stripe wrote it."""
    customer = shop.customer()
    shop.advance(on(1))
    made = [
        shop.books.carry_out(OpenInvoice(customer, f"inv_{number}", "usd", "One"), shop.key())
        for number in range(120)
    ]
    happened = shop.books.happened(on(1))
    told = [json.loads(one.body) for one in happened]
    created = [one for one in told if one["type"] == "invoice.created"]
    assert [one["data"]["object"]["id"] for one in created] == made
    assert [one.id for one in happened] == [one["id"] for one in told]
    assert {(one.created, one.api_version) for one in happened} == {(on(1), stripe.api_version)}
    assert shop.books.happened(on(1) + timedelta(seconds=1)) == []
    everything = shop.books.happened(JANUARY)
    assert {one.type for one in everything} > {"customer.created", "invoice.created"}


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

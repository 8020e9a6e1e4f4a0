from time import perf_counter

import pytest
from tests.sandbox.subscriptions.shop import (
    DAY,
    FEBRUARY,
    HOUR,
    MARCH,
    START,
    YEAR,
    Shop,
    amounts,
    said,
)

from tallygate_sandbox.invoices import dunning
from tallygate_sandbox.testing import RunningSandbox


def test_a_cycle_drafts_waits_an_hour_and_collects(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(2500))
    shop.advance(FEBRUARY)
    draft = shop.latest(sub)
    assert (draft.status, draft.billing_reason, draft.created) == (
        "draft",
        "subscription_cycle",
        FEBRUARY,
    )
    assert (draft.period_start, draft.period_end) == (START, FEBRUARY)
    assert draft.automatically_finalizes_at == FEBRUARY + HOUR
    shop.advance(FEBRUARY + HOUR - 1)
    assert shop.latest(sub).status == "draft"
    shop.advance(FEBRUARY + HOUR)
    assert shop.latest(sub).status == "paid"
    line = shop.latest(sub).lines.data[0]
    assert (line.period.start, line.period.end) == (FEBRUARY, MARCH)


def test_what_a_renewal_says_has_changed(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price())
    shop.advance(FEBRUARY)
    (event,) = shop.events("customer.subscription.updated")
    previous = event.data.previous_attributes.to_dict()
    assert previous.keys() == {"items", "latest_invoice"}
    assert previous["latest_invoice"] == sub.latest_invoice
    assert previous["items"]["data"][0]["current_period_end"] == FEBRUARY
    assert event.data.object["items"].data[0].current_period_end == MARCH


def test_usage_is_billed_in_arrears_with_the_base_in_advance(shop: Shop) -> None:
    customer, base, calls = shop.customer(), shop.price(4900), shop.metered(amount="2")
    sub = shop.subscribe(customer, base, calls)
    assert amounts(shop.latest(sub)) == [4900]
    shop.use(customer.id, 30, START + DAY)
    shop.use(customer.id, 12, START + 4 * DAY)
    shop.advance(FEBRUARY)
    lines = {line.amount: line for line in shop.latest(sub).lines.data}
    assert lines.keys() == {84, 4900}
    assert (lines[84].period.start, lines[84].period.end) == (START, FEBRUARY)
    assert (lines[4900].period.start, lines[4900].period.end) == (FEBRUARY, MARCH)
    assert lines[84].quantity == 42


def test_late_usage_counts_until_the_draft_is_finalized(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(4900), shop.metered(amount="2"))
    shop.advance(FEBRUARY + 600)
    assert amounts(shop.latest(sub)) == [4900]
    shop.use(customer.id, 50, FEBRUARY - 1)
    shop.use(customer.id, 7, FEBRUARY)  # the next period's
    shop.advance(FEBRUARY + HOUR)
    assert sorted(amounts(shop.latest(sub))) == [100, 4900]
    shop.use(customer.id, 9, FEBRUARY - 2)  # too late for ever
    shop.advance(MARCH + HOUR)
    assert sorted(amounts(shop.latest(sub))) == [14, 4900]


def test_a_start_with_usage_only_has_no_invoice(shop: Shop) -> None:
    customer = shop.customer(card=None)
    sub = shop.subscribe(customer, shop.metered())
    assert (sub.status, sub.latest_invoice) == ("active", None)
    item = sub["items"].data[0]
    assert "quantity" not in item
    classic = shop.subscribe(
        shop.customer(), shop.metered("other"), billing_mode={"type": "classic"}
    )
    assert amounts(shop.latest(classic)) == [0]


def test_a_year_and_its_months_have_separate_invoices(shop: Shop) -> None:
    customer = shop.customer()
    base, calls = shop.price(120_000, "year"), shop.metered(amount="10")
    sub = shop.subscribe(customer, base, calls)
    assert amounts(shop.latest(sub)) == [120_000]
    shop.use(customer.id, 5, START + DAY)
    shop.advance(FEBRUARY + HOUR)
    assert amounts(shop.latest(sub)) == [50]
    ends = {item.current_period_end for item in shop.read(sub)["items"].data}
    assert ends == {MARCH, YEAR}
    shop.advance(YEAR - DAY)
    shop.use(customer.id, 3, YEAR - DAY)
    shop.advance(YEAR + HOUR)
    # Here the periods align: one invoice for December's usage and the next year.
    assert sorted(amounts(shop.latest(sub))) == [30, 120_000]
    assert len(shop.invoices(sub)) == 13


def test_the_months_beside_a_year_look_back_on_their_own_period(shop: Shop) -> None:
    """SDK, Invoice.period_start: it looks back one period for a subscription invoice."""
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(120_000, "year"), shop.metered(amount="10"))
    shop.use(customer.id, 5, FEBRUARY + DAY)
    shop.advance(FEBRUARY + 2 * DAY)
    asked = {"subscription": sub.id}
    preview = shop.client.v1.invoices.create_preview(asked)
    assert (preview.period_start, preview.period_end) == (FEBRUARY, MARCH)
    shop.advance(MARCH)
    assert (shop.latest(sub).period_start, shop.latest(sub).period_end) == (FEBRUARY, MARCH)


def test_trial_usage_is_free(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.metered(amount="10"), trial_end=START + 10 * DAY)
    shop.use(customer.id, 5, START + DAY)
    shop.advance(START + 10 * DAY + HOUR)
    assert shop.read(sub).status == "active"
    assert sum(invoice.total for invoice in shop.invoices(sub)) == 0
    shop.use(customer.id, 6, START + 10 * DAY + 1)
    shop.advance(START + 41 * DAY + HOUR)
    assert amounts(shop.latest(sub)) == [60]


def test_upcoming_says_what_the_renewal_will_hold(shop: Shop) -> None:
    customer = shop.customer()
    shop.subscribe(customer, shop.price(4900), shop.metered(amount="2"))
    shop.use(customer.id, 10, START + DAY)
    shop.advance(FEBRUARY - 7 * DAY)
    (event,) = shop.events("invoice.upcoming")
    assert event.created == FEBRUARY - 7 * DAY
    assert sorted(amounts(event.data.object)) == [20, 4900]
    shop.advance(FEBRUARY)
    assert len(shop.events("invoice.upcoming")) == 1


def fails_from_now_on(shop: Shop, customer: str) -> None:
    method = shop.client.v1.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": customer}
    )
    shop.client.v1.customers.update(
        customer, {"invoice_settings": {"default_payment_method": method.id}}
    )


@pytest.mark.parametrize(
    ("then", "status"),
    [
        ("cancel", "canceled"),
        ("mark_unpaid", "unpaid"),
        ("leave_past_due", "past_due"),
        ("pause", "paused"),
    ],
)
def test_dunning_makes_past_due_and_then_what_the_account_wants(
    shop: Shop, sandbox: RunningSandbox, then: str, status: str
) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price())
    fails_from_now_on(shop, customer.id)
    with sandbox.world.transaction():
        dunning.configure(sandbox.world, dunning.Settings((3, 5), then))
    shop.advance(FEBRUARY + HOUR)
    assert shop.read(sub).status == "past_due"
    shop.advance(FEBRUARY + HOUR + 8 * DAY - 1)
    assert shop.read(sub).status == "past_due"
    shop.advance(FEBRUARY + HOUR + 8 * DAY)
    assert shop.read(sub).status == status
    if then == "cancel":
        details = shop.read(sub).cancellation_details
        assert details is not None
        assert details.reason == "payment_failed"
    if then == "pause":
        why = shop.read(sub).status_details
        assert why is not None
        assert why.paused.subscription.type == "final_payment_failure"
    if then == "mark_unpaid":
        shop.advance(MARCH + DAY)
        assert (shop.latest(sub).status, shop.latest(sub).auto_advance) == ("draft", False)


def test_an_account_may_pause_at_the_first_failure(shop: Shop, sandbox: RunningSandbox) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price())
    fails_from_now_on(shop, customer.id)
    sandbox.control("settings/invoices", {"first": "pause"})
    shop.advance(FEBRUARY + HOUR)
    paused = shop.read(sub)
    assert paused.status == "paused"
    assert paused.status_details is not None
    assert paused.status_details.paused.subscription.type == "first_payment_failure"
    assert not [
        event
        for event in shop.events("customer.subscription.updated")
        if event.data.object.status == "past_due"
    ]
    assert shop.latest(sub).status == "open"


def test_paying_the_latest_invoice_cures(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price())
    fails_from_now_on(shop, customer.id)
    shop.advance(FEBRUARY + HOUR)
    assert shop.read(sub).status == "past_due"
    method = shop.client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    shop.client.v1.invoices.pay(shop.latest(sub).id, {"payment_method": method.id})
    assert shop.read(sub).status == "active"
    statuses = [event.data.object.status for event in shop.events("customer.subscription.updated")]
    assert statuses == ["active", "past_due", "active"]


def test_pending_items_are_billed_at_their_own_interval(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(
        customer,
        shop.price(120_000, "year"),
        pending_invoice_item_interval={"interval": "month"},
    )
    assert sub.next_pending_invoice_item_invoice == FEBRUARY
    shop.client.v1.invoice_items.create(
        {"customer": customer.id, "subscription": sub.id, "amount": 900, "currency": "usd"}
    )
    shop.advance(FEBRUARY + HOUR)
    assert amounts(shop.latest(sub)) == [900]


def test_a_year_of_one_subscription_plays_quickly(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(4900), shop.metered(amount="2"))
    begun = perf_counter()
    shop.advance(YEAR + HOUR)
    said("a year of one subscription", perf_counter() - begun)
    assert len(shop.invoices(sub)) == 13

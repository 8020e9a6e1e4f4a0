from typing import Any

import pytest
import stripe
from tests.sandbox.subscriptions.shop import DAY, FEBRUARY, HOUR, START, Shop, amounts, refused

MAY, JUNE = 1_777_593_600, 1_780_272_000


def test_a_subscription_is_paid_at_once_and_active(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(2500))
    invoice = shop.latest(sub)
    assert (sub.status, invoice.status, invoice.billing_reason) == (
        "active",
        "paid",
        "subscription_create",
    )
    line = invoice.lines.data[0]
    assert (line.amount, line.description) == (2500, "1 × Basic (at $25.00 / month)")
    assert (line.period.start, line.period.end) == (START, FEBRUARY)
    item = sub["items"].data[0]
    assert (item.current_period_start, item.current_period_end) == (START, FEBRUARY)
    assert (invoice.period_start, invoice.period_end) == (START, START)
    created = shop.events("customer.subscription.created")
    assert [event.data.object.status for event in created] == ["active"]


def test_without_a_payment_method_it_is_refused_and_nothing_stays(shop: Shop) -> None:
    customer, price = shop.customer(card=None), shop.price()
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source") as caught:
        shop.subscribe(customer, price)
    assert refused(caught.value) == (400, "resource_missing", None)
    assert shop.client.v1.subscriptions.list({"status": "all"}).data == []
    assert shop.client.v1.invoices.list().data == []


def test_incomplete_becomes_active_when_its_invoice_is_paid(shop: Shop) -> None:
    customer = shop.customer(card=None)
    sub = shop.subscribe(customer, shop.price(), payment_behavior="default_incomplete")
    assert sub.status == "incomplete"
    assert shop.latest(sub).status == "open"
    shop.client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    method = shop.client.v1.customers.payment_methods.list(customer.id).data[0]
    shop.client.v1.invoices.pay(shop.latest(sub).id, {"payment_method": method.id})
    assert shop.read(sub).status == "active"
    told = shop.events("customer.subscription.created", "customer.subscription.updated")
    assert [event.data.object.status for event in told] == ["incomplete", "active"]
    assert told[1].data.previous_attributes.status == "incomplete"


def test_incomplete_expires_after_23_hours_and_its_invoice_is_void(shop: Shop) -> None:
    sub = shop.subscribe(
        shop.customer(card=None), shop.price(), payment_behavior="default_incomplete"
    )
    shop.advance(START + 23 * HOUR - 1)
    assert shop.read(sub).status == "incomplete"
    shop.advance(START + 23 * HOUR)
    assert shop.read(sub).status == "incomplete_expired"
    assert shop.latest(sub).status == "void"
    assert shop.read(sub).ended_at == START + 23 * HOUR


def test_a_declined_card_leaves_incomplete_or_is_refused(shop: Shop) -> None:
    customer, price = shop.customer("pm_card_chargeCustomerFail"), shop.price()
    assert shop.subscribe(customer, price).status == "incomplete"
    with pytest.raises(stripe.CardError) as caught:
        shop.subscribe(customer, price, payment_behavior="error_if_incomplete")
    assert refused(caught.value)[:2] == (402, "card_declined")
    assert len(shop.client.v1.subscriptions.list({"customer": customer.id}).data) == 1


def test_a_trial_has_a_free_invoice_and_bills_at_its_end(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(1000), trial_period_days=14)
    end = START + 14 * DAY
    invoice = shop.latest(sub)
    assert (sub.status, sub.trial_start, sub.trial_end) == ("trialing", START, end)
    assert sub.billing_cycle_anchor == end
    assert [line.description for line in invoice.lines.data] == ["Free trial for 1 × Basic"]
    assert (invoice.status, invoice.total) == ("paid", 0)
    shop.advance(end - 3 * DAY - 1)
    assert shop.events("customer.subscription.trial_will_end") == []
    shop.advance(end + HOUR)
    assert len(shop.events("customer.subscription.trial_will_end")) == 1
    assert shop.read(sub).status == "active"
    assert amounts(shop.latest(sub)) == [1000]
    assert shop.latest(sub).status == "paid"


@pytest.mark.parametrize(
    ("wanted", "status"),
    [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "past_due")],
)
def test_a_trial_that_ends_without_a_payment_method(shop: Shop, wanted: str, status: str) -> None:
    sub = shop.subscribe(
        shop.customer(card=None),
        shop.price(),
        trial_end=START + 5 * DAY,
        trial_settings={"end_behavior": {"missing_payment_method": wanted}},
    )
    shop.advance(START + 5 * DAY + HOUR)
    assert shop.read(sub).status == status
    if wanted == "pause":
        details = shop.read(sub).status_details
        assert details is not None
        assert details.paused.subscription.type == "trial_end_without_payment_method"


@pytest.mark.parametrize(
    ("wanted", "status"), [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", None)]
)
def test_a_trial_ended_now_without_a_payment_method(
    shop: Shop, wanted: str, status: str | None
) -> None:
    sub = shop.subscribe(
        shop.customer(card=None),
        shop.price(),
        trial_end=START + 5 * DAY,
        trial_settings={"end_behavior": {"missing_payment_method": wanted}},
    )
    if status is None:
        with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
            shop.client.v1.subscriptions.update(sub.id, {"trial_end": "now"})
    else:
        ended = shop.client.v1.subscriptions.update(sub.id, {"trial_end": "now"})
        assert (ended.status, ended.latest_invoice) == (status, sub.latest_invoice)


def test_an_anchor_ahead_makes_a_prorated_first_period(shop: Shop) -> None:
    anchor = START + 10 * DAY
    sub = shop.subscribe(shop.customer(), shop.price(3100), billing_cycle_anchor=anchor)
    # Ten of the 31 days from 11 December to 11 January.
    assert amounts(shop.latest(sub)) == [1000]
    item = sub["items"].data[0]
    assert (item.current_period_start, item.current_period_end) == (START, anchor)
    free = shop.subscribe(
        shop.customer(),
        shop.price(3100),
        billing_cycle_anchor=anchor,
        proration_behavior="none",
    )
    assert free.latest_invoice is None
    assert free.status == "active"


def test_an_anchor_by_day_of_month(shop: Shop) -> None:
    sub = shop.subscribe(
        shop.customer(),
        shop.price(3100),
        billing_cycle_anchor_config={"day_of_month": 31, "hour": 0, "minute": 0, "second": 0},
    )
    assert sub.billing_cycle_anchor == START + 30 * DAY
    shop.advance(FEBRUARY + 28 * DAY)
    # From 31 January to 28 February, then to 31 March.
    end = shop.read(sub)["items"].data[0].current_period_end
    assert end == FEBRUARY + 58 * DAY


def test_the_31st_is_the_last_day_of_short_months(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(), trial_end=START + 30 * DAY)
    ends = []
    for _ in range(4):
        ends.append(shop.read(sub)["items"].data[0].current_period_end)
        shop.advance(ends[-1])
    assert [(end - START) // DAY for end in ends] == [30, 58, 89, 119]


def test_a_backdated_start_is_billed_until_now_and_ahead(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(3100), backdate_start_date=START - 10 * DAY)
    # Ten of the 31 days of December, then January.
    assert amounts(shop.latest(sub)) == [1000, 3100]
    assert sub.start_date == START - 10 * DAY


def test_an_invoice_to_be_sent_makes_active_and_past_due_when_late(shop: Shop) -> None:
    sub = shop.subscribe(
        shop.customer(card=None),
        shop.price(),
        collection_method="send_invoice",
        days_until_due=7,
    )
    assert (sub.status, shop.latest(sub).status) == ("active", "draft")
    shop.advance(START + HOUR)
    assert shop.latest(sub).status == "open"
    shop.advance(START + 8 * DAY)
    assert shop.read(sub).status == "past_due"


def test_a_coupon_once_takes_off_the_first_invoice_only(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 10, "duration": "once"})
    sub = shop.subscribe(shop.customer(), shop.price(2500), discounts=[{"coupon": coupon.id}])
    assert shop.latest(sub).total == 2250
    shop.advance(FEBRUARY + HOUR)
    assert shop.latest(sub).total == 2500


def test_items_to_be_added_are_on_the_first_invoice(shop: Shop) -> None:
    fee = shop.client.v1.prices.create(
        {"currency": "usd", "unit_amount": 700, "product_data": {"name": "Setup"}}
    )
    sub = shop.subscribe(
        shop.customer(), shop.price(2500), add_invoice_items=[{"price": fee.id, "quantity": 2}]
    )
    assert sorted(amounts(shop.latest(sub))) == [1400, 2500]


def test_the_method_that_paid_becomes_the_default_if_wanted(shop: Shop) -> None:
    sub = shop.subscribe(
        shop.customer(),
        shop.price(),
        payment_settings={"save_default_payment_method": "on_subscription"},
    )
    assert sub.default_payment_method is not None


def test_what_cannot_be_subscribed_to(shop: Shop) -> None:
    customer, price, metered = shop.customer(), shop.price(), shop.metered()
    yearly = shop.price(interval="year")
    once = shop.client.v1.prices.create(
        {"currency": "usd", "unit_amount": 1, "product_data": {"name": "x"}}
    )
    euros = shop.price(currency="eur")
    wanted: list[tuple[Any, Any, str]] = [
        ([{"price": metered.id, "quantity": 1}], {}, "items[0][quantity]"),
        ([{"price": once.id}], {}, "items[0][price]"),
        ([{"quantity": 1}], {}, "items[0][price]"),
        ([{"price": "price_none"}], {}, "items[0][price]"),
        ([{"price": price.id}, {"price": price.id}], {}, "items"),
        ([{"price": price.id}, {"price": euros.id}], {}, "currency"),
        (
            [{"price": price.id}, {"price": yearly.id}],
            {"billing_mode": {"type": "classic"}},
            "items",
        ),
        ([{"price": price.id}], {"trial_end": START}, "trial_end"),
        ([{"price": price.id}], {"days_until_due": 3}, "days_until_due"),
        ([{"price": price.id}], {"billing_cycle_anchor": FEBRUARY + 1}, "billing_cycle_anchor"),
        (
            [{"price": price.id}],
            {"payment_behavior": "pending_if_incomplete"},
            "payment_behavior",
        ),
        ([{"price": price.id}], {"default_payment_method": "pm_none"}, "default_payment_method"),
    ]
    for items, more, param in wanted:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            shop.subscribe(customer, *items, **more)
        assert caught.value.param == param, items


def test_twenty_items_and_no_more(shop: Shop) -> None:
    prices = [shop.price(100) for _ in range(21)]
    with pytest.raises(stripe.InvalidRequestError, match="at most 20"):
        shop.subscribe(shop.customer(), *prices)
    assert shop.latest(shop.subscribe(shop.customer(), *prices[:20])).total == 2000


def test_five_hundred_subscriptions_and_no_more(shop: Shop) -> None:
    customer, price = shop.customer(), shop.price()
    for _ in range(500):
        shop.subscribe(customer, price, trial_period_days=30)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.subscribe(customer, price, trial_period_days=30)
    assert refused(caught.value) == (400, "customer_max_subscriptions", "customer")


def test_what_the_sandbox_does_not_have_it_says(shop: Shop) -> None:
    customer, price = shop.customer(), shop.price()
    for more in (
        {"transfer_data": {"destination": "acct_1"}},
        {"on_behalf_of": "acct_1"},
    ):
        with pytest.raises(stripe.StripeError) as caught:
            shop.subscribe(customer, price, **more)
        assert caught.value.http_status == 501
    with pytest.raises(stripe.StripeError) as caught:
        shop.subscribe(customer, {"price": price.id, "current_trial": {"trial_offer": "x"}})
    assert caught.value.http_status == 501


def test_a_day_that_the_first_month_lacks_returns_in_the_next(shop: Shop) -> None:
    shop.advance(FEBRUARY + 2 * DAY)
    sub = shop.subscribe(
        shop.customer(),
        shop.price(3100),
        billing_cycle_anchor_config={"day_of_month": 31, "hour": 0, "minute": 0, "second": 0},
    )
    assert sub.billing_cycle_anchor == FEBRUARY + 27 * DAY  # 28 February
    shop.advance(FEBRUARY + 27 * DAY)
    assert shop.read(sub)["items"].data[0].current_period_end == FEBRUARY + 58 * DAY

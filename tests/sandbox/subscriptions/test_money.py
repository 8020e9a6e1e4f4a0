"""What comes of prices and settings that are not the plain case."""

from typing import Any

from tests.sandbox.subscriptions.shop import (
    DAY,
    FEBRUARY,
    HOUR,
    START,
    Shop,
    amounts,
)


def tiered(shop: Shop, mode: str, **more: Any) -> Any:
    meter = shop.client.v1.billing.meters.create(
        {"display_name": mode, "event_name": mode, "default_aggregation": {"formula": "last"}}
    )
    return shop.client.v1.prices.create(
        {
            "currency": "usd",
            "billing_scheme": "tiered",
            "tiers_mode": mode,
            "tiers": [
                {"up_to": 100, "unit_amount": 0},
                {"up_to": "inf", "unit_amount_decimal": "0.5"},
            ],
            "recurring": {"interval": "month", "usage_type": "metered", "meter": meter.id},
            "product_data": {"name": "Hours"},
            **more,
        }
    )


def test_an_allowance_and_what_is_beyond_it(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(4900), tiered(shop, "graduated"))
    shop.use(customer.id, 60, START + DAY, "graduated")
    shop.use(customer.id, 301, START + 9 * DAY, "graduated")  # the running total
    shop.advance(FEBRUARY + HOUR)
    # 100 at nothing, 201 at half a cent: 100.5, rounded up.
    assert sorted(amounts(shop.latest(sub))) == [0, 101, 4900]


def test_all_of_a_volume_at_one_rate(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(4900), tiered(shop, "volume"))
    shop.use(customer.id, 301, START + DAY, "volume")
    shop.advance(FEBRUARY + HOUR)
    assert sorted(amounts(shop.latest(sub))) == [151, 4900]


def test_each_item_may_have_a_discount(shop: Shop) -> None:
    customer = shop.customer()
    coupon = shop.client.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    sub = shop.subscribe(
        customer,
        {"price": shop.price(1000).id, "discounts": [{"coupon": coupon.id}]},
        shop.price(2000),
    )
    assert shop.latest(sub).total == 2500
    shop.advance(FEBRUARY + HOUR)
    assert shop.latest(sub).total == 2500


def test_a_coupon_of_some_products_leaves_the_usage_alone(shop: Shop) -> None:
    customer, base = shop.customer(), shop.price(4000)
    coupon = shop.client.v1.coupons.create(
        {
            "percent_off": 25,
            "duration": "repeating",
            "duration_in_months": 1,
            "applies_to": {"products": [str(base.product)]},
        }
    )
    code = shop.client.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING"}
    )
    sub = shop.subscribe(
        customer, base, shop.metered(amount="100"), discounts=[{"promotion_code": code.id}]
    )
    assert shop.latest(sub).total == 3000
    shop.use(customer.id, 3, START + DAY)
    shown = shop.client.v1.invoices.create_preview({"subscription": sub.id})
    shop.advance(FEBRUARY + HOUR)
    # The month of the coupon is over on 1 February.
    assert shop.latest(sub).total == 4300 == shown.total


def test_a_discount_leaves_the_subscription_when_its_months_are_over(shop: Shop) -> None:
    customer, price = shop.customer(), shop.price(2900)
    wanted = {"percent_off": 20, "duration": "repeating", "duration_in_months": 1}
    entry = {"coupon": shop.client.v1.coupons.create(wanted).id}
    sub = shop.subscribe(
        customer, {"price": price.id, "discounts": [entry]}, shop.price(1000), discounts=[entry]
    )
    held = {*sub.discounts, *sub["items"].data[0].discounts}
    assert len(held) == 2
    shop.advance(FEBRUARY - 1)
    assert shop.events("customer.discount.deleted") == []
    shop.advance(FEBRUARY + HOUR)
    left = shop.read(sub)
    assert (left.discounts, left["items"].data[0].discounts) == ([], [])
    assert {one.data.object.id for one in shop.events("customer.discount.deleted")} == held
    assert shop.latest(sub).total == 3900


def test_a_currency_without_cents(shop: Shop) -> None:
    price = shop.client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 1000,
            "currency_options": {"jpy": {"unit_amount": 3100}},
            "recurring": {"interval": "month"},
            "product_data": {"name": "Basic"},
        }
    )
    customer = shop.customer()
    sub = shop.subscribe(customer, price, currency="jpy")
    assert (sub.currency, shop.latest(sub).total) == ("jpy", 3100)
    assert shop.latest(sub).lines.data[0].description == "1 × Basic (at ¥3,100 / month)"
    shop.advance(START + 21 * DAY)
    shop.update(
        sub,
        items=[{"id": sub["items"].data[0].id, "quantity": 2}],
        proration_behavior="always_invoice",
    )
    assert sorted(amounts(shop.latest(sub))) == [-1000, 2000]


def test_seconds_are_rounded_once_and_half_up(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(999))
    shop.advance(START + 1_234_567)
    shop.update(sub, items=[{"id": sub["items"].data[0].id, "quantity": 7}])
    waiting = shop.client.v1.invoice_items.list({"customer": customer.id, "pending": True})
    # 1,443,833 of 2,678,400 seconds are left: 538.53 and 3769.73.
    assert sorted(item.amount for item in waiting.data) == [-539, 3770]


def test_usage_is_billed_when_it_comes_to_enough(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(
        customer,
        shop.price(4900),
        shop.metered(amount="10"),
        billing_thresholds={"amount_gte": 5000},
    )
    shop.use(customer.id, 499, START + DAY)
    shop.advance(START + DAY + 2 * HOUR)
    assert len(shop.invoices(sub)) == 1
    shop.use(customer.id, 3, START + DAY + 2 * HOUR + 60)
    shop.advance(START + DAY + 5 * HOUR)
    early = shop.latest(sub)
    assert (early.billing_reason, early.total) == ("subscription_threshold", 5020)
    shop.use(customer.id, 7, START + 3 * DAY)
    shop.advance(FEBRUARY + HOUR)
    assert sorted(amounts(shop.latest(sub))) == [70, 4900]


def test_a_trial_without_a_card_asks_for_one(shop: Shop) -> None:
    customer = shop.customer(card=None)
    sub = shop.subscribe(
        customer,
        shop.price(),
        trial_period_days=10,
        payment_behavior="default_incomplete",
    )
    assert sub.status == "trialing"
    assert isinstance(sub.pending_setup_intent, str)
    shop.client.v1.setup_intents.confirm(
        sub.pending_setup_intent, {"payment_method": "pm_card_visa"}
    )
    assert shop.read(sub).pending_setup_intent is None
    shop.advance(START + 10 * DAY + HOUR)
    assert shop.read(sub).status == "active"
    assert shop.latest(sub).status == "paid"


def test_taxes_of_the_subscription_and_of_an_item(shop: Shop) -> None:
    vat, reduced = (
        shop.client.v1.tax_rates.create(
            {"display_name": "VAT", "percentage": rate, "inclusive": False}
        )
        for rate in (20, 10)
    )
    sub = shop.subscribe(
        shop.customer(),
        shop.price(1000),
        {"price": shop.price(2000).id, "tax_rates": [reduced.id]},
        default_tax_rates=[vat.id],
    )
    assert shop.latest(sub).total == 1000 + 200 + 2000 + 200

"""What the oracle has found, each told by hand."""

import pytest
from tests.sandbox.subscriptions.shop import DAY, FEBRUARY, HOUR, MARCH, START, Shop, amounts


def test_a_flat_fee_is_due_when_nothing_was_used(shop: Shop) -> None:
    tiers = [
        {"up_to": 10, "unit_amount": 0, "flat_amount": 700},
        {"up_to": "inf", "unit_amount": 5},
    ]
    price = shop.metered(
        billing_scheme="tiered", tiers_mode="graduated", tiers=tiers, unit_amount_decimal=None
    )
    sub = shop.subscribe(shop.customer(), price)
    shop.advance(FEBRUARY + HOUR)
    assert amounts(shop.latest(sub)) == [700]


def test_an_items_own_discount_ends_as_any_other(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 50, "duration": "once"})
    sub = shop.subscribe(
        shop.customer(), {"price": shop.price(1000).id, "discounts": [{"coupon": coupon.id}]}
    )
    assert shop.latest(sub).total == 500
    assert shop.read(sub)["items"].data[0].discounts == []
    shop.advance(FEBRUARY + HOUR)
    assert shop.latest(sub).total == 1000
    month = {"percent_off": 50, "duration": "repeating", "duration_in_months": 1}
    coupon = shop.client.v1.coupons.create(month)
    item = shop.read(sub)["items"].data[0].id
    shop.update(sub, items=[{"id": item, "discounts": [{"coupon": coupon.id}]}])
    shown = shop.client.v1.invoices.create_preview({"subscription": sub.id})
    shop.advance(MARCH + HOUR)
    assert shop.latest(sub).total == 500 == shown.total
    shop.advance(MARCH + 31 * DAY + HOUR)
    assert shop.latest(sub).total == 1000


def test_a_part_of_a_fraction_of_a_cent_is_rounded_once(shop: Shop) -> None:
    price = shop.price(unit_amount=None, unit_amount_decimal="1.3")
    sub = shop.subscribe(shop.customer(), price)
    shop.advance(START + 31 * DAY // 2)
    shop.update(
        sub,
        items=[{"id": sub["items"].data[0].id, "quantity": 2}],
        proration_behavior="always_invoice",
    )
    # Half of the 1 that was billed is 0.5; half of 2.6 is 1.3, half of 2.6 rounded were 1.5.
    assert sorted(amounts(shop.latest(sub))) == [-1, 1]
    coupon = shop.client.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    sub = shop.subscribe(shop.customer(), shop.price(3), discounts=[{"coupon": coupon.id}])
    item = {"price": shop.price(1).id, "quantity": 5}
    shop.update(sub, items=[item], proration_behavior="always_invoice")
    # 5 less half is 2.5, for the whole period that has just begun.
    assert shop.latest(sub).total == 3


@pytest.mark.parametrize("how", [{}, {"invoice_now": True}])
def test_a_draft_of_a_canceled_subscription_stays_one(shop: Shop, how: dict[str, bool]) -> None:
    customer, base, calls = shop.customer(), shop.price(3100), shop.metered(amount="1000")
    sub = shop.subscribe(customer, base, calls)
    shop.advance(FEBRUARY + 60)
    shop.use(customer.id, 2, FEBRUARY + 30)
    shop.client.v1.subscriptions.cancel(sub.id, how)
    shop.advance(MARCH)
    states = {invoice.billing_reason: invoice.status for invoice in shop.invoices(sub)}
    last = {"subscription_update": "paid"} if how else {}
    assert states == {
        "subscription_create": "paid",
        "subscription_cycle": "draft",
        **last,
    }


@pytest.mark.parametrize(
    ("how", "left"), [({}, [77]), ({"prorate": True}, [-2000, -1000, 77, 2000])]
)
def test_pending_prorations_go_with_the_subscription(
    shop: Shop, how: dict[str, bool], left: list[int]
) -> None:
    """As the SDK says: unless the cancellation is prorated or invoiced now."""
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100))
    shop.advance(START + 21 * DAY)
    shop.update(sub, items=[{"id": sub["items"].data[0].id, "quantity": 2}])
    shop.client.v1.invoice_items.create(
        {"customer": customer.id, "subscription": sub.id, "amount": 77, "currency": "usd"}
    )
    shop.client.v1.subscriptions.cancel(sub.id, how)
    found = shop.client.v1.invoice_items.list({"customer": customer.id, "pending": True})
    assert sorted(item.amount for item in found.data) == left


def test_a_short_first_period_is_credited_by_what_it_cost(shop: Shop) -> None:
    sub = shop.subscribe(
        shop.customer(),
        shop.price(3100),
        billing_mode={"type": "classic"},
        billing_cycle_anchor=START + 10 * DAY,
    )
    assert amounts(shop.latest(sub)) == [1000]  # 10 of 31 days
    shop.advance(START + 5 * DAY)
    item = sub["items"].data[0].id
    shop.update(sub, items=[{"id": item, "quantity": 0}], proration_behavior="always_invoice")
    assert sorted(amounts(shop.latest(sub))) == [-500, 0]

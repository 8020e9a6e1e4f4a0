from typing import Any

import pytest
import stripe
from tests.sandbox.subscriptions.shop import DAY, FEBRUARY, HOUR, START, YEAR, Shop, amounts


def preview(shop: Shop, **wanted: Any) -> Any:
    return shop.client.v1.invoices.create_preview(wanted)


def rows(invoice: Any) -> list[tuple[Any, ...]]:
    """What an invoice's lines say, for comparing a preview with what came of it."""
    return sorted(
        (line.amount, line.description, line.period.start, line.period.end, line.quantity)
        for line in invoice.lines.data
    )


def test_the_next_invoice_is_what_comes(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(
        customer,
        shop.price(4900),
        shop.metered(amount="2"),
        discounts=[{"coupon": shop.client.v1.coupons.create({"percent_off": 10}).id}],
    )
    shop.client.v1.invoice_items.create(
        {"customer": customer.id, "subscription": sub.id, "amount": 123, "currency": "usd"}
    )
    shop.use(customer.id, 40, START + DAY)
    shown = preview(shop, subscription=sub.id)
    assert shown.id.startswith("upcoming_in_")
    assert (shown.status, shown.period_start, shown.period_end) == ("draft", START, FEBRUARY)
    before = [event.id for event in shop.client.v1.events.list({"limit": 100}).data]
    assert preview(shop, customer=customer.id).total == shown.total
    assert [e.id for e in shop.client.v1.events.list({"limit": 100}).data] == before
    shop.advance(FEBRUARY + HOUR)
    real = shop.latest(sub)
    assert rows(real) == rows(shown)
    assert (real.total, real.subtotal) == (shown.total, shown.subtotal)
    assert sorted(amounts(real)) == [80, 123, 4900]


@pytest.mark.parametrize("behavior", ["create_prorations", "always_invoice", "none"])
def test_a_change_is_previewed_as_it_will_be_billed(shop: Shop, behavior: str) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100), shop.metered(amount="10"))
    shop.use(customer.id, 3, START + DAY)
    shop.advance(START + 21 * DAY)
    change = [
        {"id": sub["items"].data[0].id, "price": shop.price(6200).id},
        {"id": sub["items"].data[1].id, "deleted": True},
        {"price": shop.price(500).id, "quantity": 2},
    ]
    details = {
        "items": change,
        "proration_behavior": behavior,
        "proration_date": START + 21 * DAY,
    }
    shown = preview(shop, subscription=sub.id, subscription_details=details)
    assert shop.read(sub)["items"].data[0].price.unit_amount == 3100
    shop.update(sub, **details)
    shop.advance(FEBRUARY - 1 if behavior == "always_invoice" else FEBRUARY + HOUR)
    assert rows(shop.latest(sub)) == rows(shown)
    assert shop.latest(sub).total == shown.total


def test_the_anchor_and_the_trial_in_a_preview(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(3100))
    shop.advance(START + 21 * DAY)
    anchored = preview(
        shop,
        subscription=sub.id,
        subscription_details={"billing_cycle_anchor": {"type": "now"}},
    )
    assert sorted(amounts(anchored)) == [-1000, 3100]
    trial = shop.subscribe(shop.customer(), shop.price(3100), trial_period_days=9)
    ended = preview(shop, subscription=trial.id, subscription_details={"trial_end": "now"})
    assert amounts(ended) == [3100]
    assert amounts(preview(shop, subscription=trial.id)) == [3100]


def test_canceled_now_in_a_preview(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100), shop.metered(amount="10"))
    shop.use(customer.id, 3, START + DAY)
    shop.advance(START + 21 * DAY)
    shown = preview(shop, subscription=sub.id, subscription_details={"cancel_now": True})
    assert sorted(amounts(shown)) == [-1000, 30]
    ending = preview(
        shop, subscription=sub.id, subscription_details={"cancel_at_period_end": True}
    )
    assert amounts(ending) == [30]


def test_a_start_in_a_preview_leaves_no_trace(shop: Shop) -> None:
    customer = shop.customer()
    product = shop.client.v1.products.create({"name": "Inline"})
    coupon = shop.client.v1.coupons.create({"percent_off": 50})
    shown = preview(
        shop,
        customer=customer.id,
        discounts=[{"coupon": coupon.id}],
        subscription_details={
            "items": [
                {
                    "price_data": {
                        "currency": "usd",
                        "product": product.id,
                        "recurring": {"interval": "month"},
                        "unit_amount": 2000,
                    },
                    "quantity": 3,
                }
            ]
        },
    )
    assert (shown.subtotal, shown.total) == (6000, 3000)
    assert shop.client.v1.subscriptions.list({"customer": customer.id}).data == []
    assert shop.client.v1.prices.list({"product": product.id}).data == []
    assert shop.client.v1.coupons.retrieve(coupon.id).times_redeemed == 0
    usage = preview(
        shop,
        customer=customer.id,
        subscription_details={"items": [{"price": shop.metered().id}]},
    )
    assert (usage.total, usage.period_end) == (0, FEBRUARY)


def test_items_that_do_not_exist_are_added(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(4900))
    shown = preview(
        shop,
        subscription=sub.id,
        invoice_items=[
            {"amount": -400, "currency": "usd", "description": "Sorry"},
            {"unit_amount": 150, "quantity": 4, "currency": "usd"},
        ],
    )
    assert sorted(amounts(shown)) == [-400, 600, 4900]
    recurring = preview(
        shop,
        subscription=sub.id,
        preview_mode="recurring",
        invoice_items=[{"amount": 7, "currency": "usd"}],
    )
    assert amounts(recurring) == [4900]


def test_the_earliest_of_several_and_none(shop: Shop) -> None:
    customer = shop.customer()
    shop.subscribe(customer, shop.price(120_000, "year"))
    shop.subscribe(customer, shop.price(4900))
    assert preview(shop, customer=customer.id).period_end == FEBRUARY
    nobody = shop.customer()
    with pytest.raises(stripe.InvalidRequestError) as caught:
        preview(shop, customer=nobody.id)
    assert (caught.value.code, caught.value.http_status) == ("invoice_upcoming_none", 404)
    sub = shop.subscribe(nobody, shop.price())
    shop.update(sub, cancel_at_period_end=True)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        preview(shop, subscription=sub.id)
    assert caught.value.code == "invoice_upcoming_none"


def test_pausing_and_resuming_in_a_preview(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100))
    shop.advance(START + 21 * DAY)
    shown = preview(
        shop, subscription=sub.id, subscription_details={"pause": {"type": "subscription"}}
    )
    assert amounts(shown) == [-1000]
    shop.client.v1.subscriptions.pause(sub.id, {"invoicing_behavior": "invoice"})
    back = preview(shop, subscription=sub.id, subscription_details={"resume_at": "now"})
    assert amounts(back) == [3100]


def test_a_year_ahead_in_mixed_intervals(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(120_000, "year"), shop.metered(amount="10"))
    shop.use(customer.id, 5, START + DAY)
    shown = preview(shop, subscription=sub.id)
    assert (shown.period_end, amounts(shown)) == (FEBRUARY, [50])
    shop.advance(YEAR - DAY)
    assert amounts(preview(shop, subscription=sub.id)) == [120_000]


def test_what_a_preview_only_holds_can_be_expanded_in_it(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 50, "duration": "once"}).id
    foreseen = shop.client.v1.invoices.create_preview(
        {
            "customer": shop.customer().id,
            "discounts": [{"coupon": coupon}],
            "subscription_details": {"items": [{"price": shop.price(2000).id}]},
            "expand": ["total_discount_amounts.discount"],
        }
    )
    [taken_off] = foreseen.total_discount_amounts
    assert taken_off.discount.source.coupon == coupon

import pytest
import stripe
from tests.sandbox.subscriptions.shop import (
    DAY,
    FEBRUARY,
    HOUR,
    MARCH,
    START,
    Shop,
    amounts,
)

APRIL = MARCH + 31 * DAY


def test_a_downgrade_at_the_end_of_the_period(shop: Shop) -> None:
    dear, cheap = shop.price(9900), shop.price(4900)
    sub = shop.subscribe(shop.customer(), dear, shop.metered(amount="10"))
    schedules = shop.client.v1.subscription_schedules
    schedule = schedules.create({"from_subscription": sub.id})
    assert (schedule.status, schedule.subscription) == ("active", sub.id)
    assert shop.read(sub).schedule == schedule.id
    (first,) = schedule.phases
    assert (first.start_date, first.end_date) == (START, FEBRUARY)
    metered = sub["items"].data[1].price.id
    changed = schedules.update(
        schedule.id,
        {
            "phases": [
                {
                    "items": [{"price": dear.id, "quantity": 1}, {"price": metered}],
                    "start_date": START,
                    "end_date": FEBRUARY,
                },
                {"items": [{"price": cheap.id}, {"price": metered}]},
            ]
        },
    )
    assert [phase.end_date for phase in changed.phases] == [FEBRUARY, MARCH]
    assert shop.read(sub)["items"].data[0].price.id == dear.id
    shown = shop.client.v1.invoices.create_preview({"schedule": schedule.id})
    assert amounts(shown) == [4900]
    shop.use(str(sub.customer), 5, START + DAY)
    shop.advance(FEBRUARY + HOUR)
    assert shop.read(sub)["items"].data[0].price.id == cheap.id
    assert sorted(amounts(shop.latest(sub))) == [50, 4900]
    current = schedules.retrieve(schedule.id).current_phase
    assert current is not None
    assert (current.start_date, current.end_date) == (FEBRUARY, MARCH)
    shop.advance(MARCH + HOUR)
    done = schedules.retrieve(schedule.id)
    assert (done.status, done.released_subscription) == ("released", sub.id)
    assert shop.read(sub).schedule is None
    assert shop.latest(sub).total == 4900


def test_phases_from_a_start_to_a_cancellation(shop: Shop) -> None:
    schedule = shop.client.v1.subscription_schedules.create(
        {
            "customer": shop.customer().id,
            "start_date": "now",
            "end_behavior": "cancel",
            "phases": [
                {"items": [{"price": shop.price(1000).id}], "duration": {"interval": "month"}},
                {
                    "items": [{"price": shop.price(3000).id, "quantity": 2}],
                    "duration": {"interval": "month", "interval_count": 2},
                },
            ],
        }
    )
    assert schedule.status == "active"
    sub = shop.client.v1.subscriptions.retrieve(str(schedule.subscription))
    assert (sub.status, shop.latest(sub).total) == ("active", 1000)
    assert sub.cancel_at == APRIL
    for instant in (FEBRUARY + HOUR, MARCH + HOUR):
        shop.advance(instant)
        assert shop.latest(sub).total == 6000
    shop.advance(APRIL + HOUR)
    assert shop.read(sub).status == "canceled"
    assert len(shop.invoices(sub)) == 3
    done = shop.client.v1.subscription_schedules.retrieve(schedule.id)
    assert done.status == "completed"


def test_a_start_in_the_future(shop: Shop) -> None:
    schedule = shop.client.v1.subscription_schedules.create(
        {
            "customer": shop.customer().id,
            "start_date": FEBRUARY,
            "phases": [{"items": [{"price": shop.price(1000).id}]}],
        }
    )
    assert (schedule.status, schedule.subscription) == ("not_started", None)
    listed = shop.client.v1.subscription_schedules.list({"scheduled": True})
    assert [one.id for one in listed.data] == [schedule.id]
    shop.advance(FEBRUARY)
    begun = shop.client.v1.subscription_schedules.retrieve(schedule.id)
    assert begun.status == "active"
    sub = shop.client.v1.subscriptions.retrieve(str(begun.subscription))
    assert (sub.start_date, shop.latest(sub).status) == (FEBRUARY, "paid")


def test_a_phase_that_begins_within_a_period_is_prorated(shop: Shop) -> None:
    customer = shop.customer()
    schedule = shop.client.v1.subscription_schedules.create(
        {
            "customer": customer.id,
            "start_date": "now",
            "phases": [
                {"items": [{"price": shop.price(3100).id}], "end_date": START + 21 * DAY},
                {"items": [{"price": shop.price(6200).id}], "end_date": MARCH},
            ],
        }
    )
    shop.advance(START + 21 * DAY)
    waiting = shop.client.v1.invoice_items.list({"customer": customer.id, "pending": True})
    assert sorted(item.amount for item in waiting.data) == [-1000, 2000]
    sub = shop.client.v1.subscriptions.retrieve(str(schedule.subscription))
    shop.advance(FEBRUARY + HOUR)
    assert shop.latest(sub).total == 7200


def test_a_change_of_the_present_phase_changes_the_subscription(shop: Shop) -> None:
    price = shop.price(3100)
    customer = shop.customer()
    sub = shop.subscribe(customer, price)
    schedules = shop.client.v1.subscription_schedules
    schedule = schedules.create({"from_subscription": sub.id})
    shop.advance(START + 21 * DAY)
    schedules.update(
        schedule.id,
        {
            "phases": [
                {
                    "items": [{"price": price.id, "quantity": 2}],
                    "start_date": START,
                    "end_date": FEBRUARY,
                }
            ],
            "proration_behavior": "always_invoice",
        },
    )
    assert shop.read(sub)["items"].data[0].quantity == 2
    assert sorted(amounts(shop.latest(sub))) == [-1000, 2000]


def test_released_or_canceled(shop: Shop) -> None:
    schedules = shop.client.v1.subscription_schedules
    first = shop.subscribe(shop.customer(), shop.price())
    released = schedules.release(schedules.create({"from_subscription": first.id}).id)
    assert (released.status, released.released_subscription) == ("released", first.id)
    assert (shop.read(first).schedule, shop.read(first).status) == (None, "active")
    second = shop.subscribe(shop.customer(), shop.price())
    canceled = schedules.cancel(schedules.create({"from_subscription": second.id}).id)
    assert canceled.status == "canceled"
    assert shop.read(second).status == "canceled"
    third = shop.subscribe(shop.customer(), shop.price())
    schedule = schedules.create({"from_subscription": third.id})
    shop.client.v1.subscriptions.cancel(third.id)
    assert schedules.retrieve(schedule.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError):
        schedules.release(schedule.id)


def test_what_a_scheduled_subscription_refuses(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price())
    schedules = shop.client.v1.subscription_schedules
    schedules.create({"from_subscription": sub.id})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.update(sub, cancel_at_period_end=True)
    assert caught.value.param == "cancel_at_period_end"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        schedules.create({"from_subscription": sub.id})
    assert caught.value.param == "from_subscription"


def test_a_phase_gives_its_items_their_discounts_and_taxes(shop: Shop) -> None:
    price, next_price = shop.price(1000), shop.price(2000)
    half = shop.client.v1.coupons.create({"percent_off": 50, "duration": "once"}).id
    vat = shop.client.v1.tax_rates.create(
        {"display_name": "VAT", "percentage": 10, "inclusive": False}
    ).id
    first = {
        "items": [{"price": price.id, "discounts": [{"coupon": half}], "tax_rates": [vat]}],
        "duration": {"interval": "month"},
    }
    second = {
        "items": [{"price": next_price.id, "discounts": [{"coupon": half}]}],
        "default_tax_rates": [vat],
        "invoice_settings": {"footer": "Second phase"},
        "duration": {"interval": "month"},
    }
    schedule = shop.client.v1.subscription_schedules.create(
        {"customer": shop.customer().id, "phases": [first, second]}
    )
    sub = shop.client.v1.subscriptions.retrieve(str(schedule.subscription))
    assert shop.latest(sub).total == 550  # half of 1000, and a tenth on top
    item = shop.read(sub)["items"].data[0]
    assert [rate.id for rate in item.tax_rates] == [vat]
    changed = shop.client.v1.subscription_schedules.update(
        schedule.id, {"phases": [first | {"start_date": START}, second]}
    )
    assert changed.phases[0].items[0].discounts[0].coupon == half
    assert shop.client.v1.coupons.retrieve(half).times_redeemed == 1  # it was redeemed before
    shop.advance(FEBRUARY - DAY)
    assert len(shop.events("invoice.upcoming")) == 1
    assert shop.client.v1.coupons.retrieve(half).times_redeemed == 1  # to announce is no sale
    shop.advance(FEBRUARY + 2 * HOUR)
    assert shop.latest(sub).total == 1100
    assert shop.latest(sub).footer == "Second phase"
    assert [rate.id for rate in shop.read(sub).default_tax_rates] == [vat]
    shop.advance(MARCH + 2 * HOUR)
    assert shop.latest(sub).total == 2200  # the coupon was for one invoice


def test_a_phase_within_a_period_brings_its_discounts_too(shop: Shop) -> None:
    price = shop.price(3100)
    sub = shop.subscribe(shop.customer(), price)
    schedules = shop.client.v1.subscription_schedules
    schedule = schedules.create({"from_subscription": sub.id})
    half = shop.client.v1.coupons.create({"percent_off": 50, "duration": "forever"}).id
    middle = START + 21 * DAY
    item = {"price": price.id, "quantity": 1}
    schedules.update(
        schedule.id,
        {
            "phases": [
                {"items": [item], "start_date": START, "end_date": middle},
                {
                    "items": [item | {"quantity": 2, "discounts": [{"coupon": half}]}],
                    "duration": {"interval": "month"},
                },
            ]
        },
    )
    shop.advance(middle + HOUR)
    assert len(shop.read(sub)["items"].data[0].discounts) == 1
    pending = shop.client.v1.invoice_items.list({"customer": sub.customer, "pending": True}).data
    # 10 of 31 days: 1000 were paid, and 2 at half the price cost as much.
    assert sorted(one.amount for one in pending) == [-1000, 1000]
    shop.advance(FEBRUARY + 2 * HOUR)
    assert shop.latest(sub).total == 3100


def test_a_phase_may_tax_automatically(shop: Shop) -> None:
    shop.sandbox.control("settings/taxes", {"rates": {"CH": "8.1"}})
    customer = shop.customer(address={"country": "CH"})
    price = shop.price(1000)
    phase = {"items": [{"price": price.id}], "duration": {"interval": "month"}}
    schedule = shop.client.v1.subscription_schedules.create(
        {
            "customer": customer.id,
            "default_settings": {"automatic_tax": {"enabled": True}},
            "phases": [phase, phase | {"automatic_tax": {"enabled": False}}],
        }
    )
    sub = shop.client.v1.subscriptions.retrieve(str(schedule.subscription))
    assert (sub.automatic_tax.enabled, shop.latest(sub).total) == (True, 1081)
    shop.advance(FEBRUARY + 2 * HOUR)
    assert (shop.read(sub).automatic_tax.enabled, shop.latest(sub).total) == (False, 1000)

"""Periods that are billed before they begin, and a trial that leaves the anchor where it is."""

from typing import Any

import pytest
from stripe import APIError, InvalidRequestError
from tests.sandbox.subscriptions.shop import (
    DAY,
    FEBRUARY,
    HOUR,
    MARCH,
    START,
    Shop,
    amounts,
    refused,
)

APRIL = MARCH + 31 * DAY
MAY = APRIL + 30 * DAY


def months(count: int, **more: Any) -> dict[str, Any]:
    duration = {"interval": "month", "interval_count": count}
    return {"bill_until": {"type": "duration", "duration": duration}, **more}


def periods(invoice: Any) -> list[tuple[int, int]]:
    return [(line.period.start, line.period.end) for line in invoice.lines.data]


def totals(shop: Shop, sub: Any) -> list[int]:
    return [invoice.total for invoice in shop.invoices(sub)]


def test_three_months_are_paid_at_the_start_and_then_each_month(shop: Shop) -> None:
    price = shop.price(1000)
    customer = shop.customer()
    shown = shop.client.v1.invoices.create_preview(
        {
            "customer": customer.id,
            "subscription_details": {
                "items": [{"price": price.id}],
                "billing_schedules": [months(3)],
            },
        }
    )
    sub = shop.subscribe(customer, price, billing_schedules=[months(3, key="upfront")])
    (schedule,) = sub.billing_schedules
    assert (schedule.key, schedule.bill_until.computed_timestamp) == ("upfront", APRIL)
    assert (schedule.applies_to, schedule.bill_until.timestamp) == (None, None)
    first = shop.latest(sub)
    assert (first.status, first.total) == ("paid", 3000)
    assert (
        periods(first) == periods(shown) == [(START, FEBRUARY), (FEBRUARY, MARCH), (MARCH, APRIL)]
    )
    item = sub["items"].data[0]
    assert (item.current_period_end, item.billed_until) == (FEBRUARY, APRIL)
    upcoming = shop.client.v1.invoices.create_preview({"subscription": sub.id})
    assert (upcoming.created, periods(upcoming)) == (APRIL, [(APRIL, MAY)])
    shop.advance(MARCH + 2 * HOUR)
    item = shop.read(sub)["items"].data[0]
    assert (item.current_period_start, item.billed_until) == (MARCH, APRIL)
    assert totals(shop, sub) == [3000]
    assert not shop.events("invoice.upcoming")
    shop.advance(APRIL + 2 * HOUR)
    assert totals(shop, sub) == [3000, 1000]
    assert periods(shop.latest(sub)) == [(APRIL, MAY)]


def test_only_what_a_schedule_applies_to_is_billed_ahead(shop: Shop) -> None:
    base, extra, calls = shop.price(1000), shop.price(300), shop.metered(amount="10")
    applies = [{"type": "price", "price": base.id}]
    customer = shop.customer()
    sub = shop.subscribe(
        customer, base, extra, calls, billing_schedules=[months(2, applies_to=applies)]
    )
    assert sorted(amounts(shop.latest(sub))) == [300, 1000, 1000]
    shop.use(customer.id, 5, START + DAY)
    shop.advance(FEBRUARY + 2 * HOUR)
    assert sorted(amounts(shop.latest(sub))) == [50, 300]
    shop.advance(MARCH + 2 * HOUR)
    assert sorted(amounts(shop.latest(sub))) == [300, 1000]


def test_an_update_bills_ahead_at_once(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(1000))
    shop.advance(START + 10 * DAY)
    until = {"bill_until": {"type": "timestamp", "timestamp": APRIL}}
    shown = shop.client.v1.invoices.create_preview(
        {"subscription": sub.id, "subscription_details": {"billing_schedules": [until]}}
    )
    shop.update(sub, billing_schedules=[until])
    paid = shop.latest(sub)
    assert (paid.status, paid.billing_reason) == ("paid", "subscription_update")
    assert periods(paid) == periods(shown) == [(FEBRUARY, MARCH), (MARCH, APRIL)]
    assert shop.update(sub, billing_schedules="").billing_schedules == []
    shop.advance(APRIL - HOUR)
    assert totals(shop, sub) == [1000, 2000]
    shop.advance(APRIL + 2 * HOUR)
    assert totals(shop, sub) == [1000, 2000, 1000]


def test_an_end_within_a_period_bills_that_part_and_later_the_rest(shop: Shop) -> None:
    half = FEBRUARY + 14 * DAY
    until = {"bill_until": {"type": "timestamp", "timestamp": half}}
    sub = shop.subscribe(shop.customer(), shop.price(1000), billing_schedules=[until])
    assert periods(shop.latest(sub)) == [(START, FEBRUARY), (FEBRUARY, half)]
    assert amounts(shop.latest(sub)) == [1000, 500]
    shop.advance(FEBRUARY + 2 * HOUR)
    assert periods(shop.latest(sub)) == [(half, MARCH)]
    assert totals(shop, sub) == [1500, 500]


def test_a_change_gives_back_and_bills_again_what_was_billed_ahead(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(3100), billing_schedules=[months(3)])
    shop.advance(START + 21 * DAY)
    item = sub["items"].data[0].id
    shop.update(sub, items=[{"id": item, "quantity": 2}], proration_behavior="always_invoice")
    # 10 of 31 days are 1000; then two whole months.
    assert sorted(amounts(shop.latest(sub))) == [-3100, -3100, -1000, 2000, 6200, 6200]
    shop.advance(APRIL - HOUR)
    assert totals(shop, sub) == [9300, 7200]
    shop.update(sub, items=[{"id": item, "quantity": 1}], proration_behavior="none")
    shop.advance(APRIL + 2 * HOUR)
    assert totals(shop, sub) == [9300, 7200, 3100]


@pytest.mark.parametrize("how", ["now", "later"])
def test_an_end_credits_what_was_billed_ahead(shop: Shop, how: str) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100), billing_schedules=[months(3)])
    if how == "now":
        shop.advance(START + 21 * DAY)
        shop.client.v1.subscriptions.cancel(sub.id, {"prorate": True})
    else:
        shop.update(sub, cancel_at=MARCH)
    pending = shop.client.v1.invoice_items.list({"customer": customer.id, "pending": True}).data
    credited = [-3100, -3100, -1000] if how == "now" else [-3100]
    assert sorted(one.amount for one in pending) == credited
    if how == "later":
        assert shop.update(sub, cancel_at="max_billed_until").cancel_at == APRIL


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ([{"bill_until": {"type": "timestamp", "timestamp": START + DAY}}], "[0][bill_until]"),
        ([{"bill_until": {"type": "duration"}}], "[0][bill_until][duration]"),
        ([months(100_000)], "[0][bill_until][duration][interval_count]"),
        ([{"bill_until": {"type": "timestamp", "timestamp": 10**12}}], "[0][bill_until]"),
        ([months(2, key="two words")], "[0][key]"),
        ([months(2, key="a"), months(3, key="a")], ""),
        ([months(2, applies_to=[{"type": "price", "price": "price_x"}])], "[0][applies_to]"),
    ],
)
def test_what_cannot_be_billed_ahead(shop: Shop, wrong: Any, param: str) -> None:
    with pytest.raises(InvalidRequestError) as error:
        shop.subscribe(shop.customer(), shop.price(1000), billing_schedules=wrong)
    assert refused(error.value)[2] == f"billing_schedules{param}"


def test_classic_mode_bills_nothing_ahead(shop: Shop) -> None:
    classic: dict[str, Any] = {"billing_mode": {"type": "classic"}}
    with pytest.raises(InvalidRequestError) as error:
        shop.subscribe(shop.customer(), shop.price(1000), billing_schedules=[months(2)], **classic)
    assert refused(error.value)[2] == "billing_schedules"


def test_in_a_trial_it_is_said_to_be_absent(shop: Shop) -> None:
    with pytest.raises(APIError) as error:
        shop.subscribe(
            shop.customer(),
            shop.price(1000),
            trial_period_days=7,
            billing_schedules=[months(2)],
        )
    assert error.value.http_status == 501


UNCHANGED = {"end_behavior": {"billing_cycle_anchor": "unchanged"}}


@pytest.mark.parametrize("ends", ["by itself", "by hand"])
def test_a_trial_may_leave_the_anchor_where_it_is(shop: Shop, ends: str) -> None:
    sub = shop.subscribe(
        shop.customer(), shop.price(3100), trial_period_days=21, trial_settings=UNCHANGED
    )
    assert sub.trial_settings.end_behavior.to_dict() == {
        "billing_cycle_anchor": "unchanged",
        "missing_payment_method": "create_invoice",
    }
    assert sub.billing_cycle_anchor == START
    shown = shop.client.v1.invoices.create_preview({"subscription": sub.id})
    at = START + 21 * DAY
    if ends == "by hand":
        at = START + 11 * DAY
        shop.advance(at)
        shop.update(sub, trial_end="now")
    else:
        shop.advance(at + 2 * HOUR)
        assert periods(shown) == [(at, FEBRUARY)]
    rest = 1000 if ends == "by itself" else 2000
    latest = shop.latest(sub)
    assert (latest.status, latest.total, periods(latest)) == ("paid", rest, [(at, FEBRUARY)])
    assert shop.read(sub).billing_cycle_anchor == START
    shop.advance(FEBRUARY + 2 * HOUR)
    assert (shop.latest(sub).total, periods(shop.latest(sub))) == (3100, [(FEBRUARY, MARCH)])


def test_a_trial_that_is_told_otherwise_in_time_anchors_at_its_end(shop: Shop) -> None:
    sub = shop.subscribe(
        shop.customer(), shop.price(3100), trial_period_days=21, trial_settings=UNCHANGED
    )
    shop.update(sub, trial_settings={"end_behavior": {"billing_cycle_anchor": "now"}})
    end = START + 21 * DAY
    shop.advance(end + 2 * HOUR)
    assert shop.read(sub).billing_cycle_anchor == end
    assert periods(shop.latest(sub)) == [(end, FEBRUARY + 21 * DAY)]
    assert shop.latest(sub).total == 3100

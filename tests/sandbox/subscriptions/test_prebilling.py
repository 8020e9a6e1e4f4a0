"""Periods that are billed before they begin, and a trial that leaves the anchor where it is."""

from typing import Any

import pytest
from stripe import InvalidRequestError
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


TRIAL_END = START + 21 * DAY


def trialing(shop: Shop, **more: Any) -> Any:
    """Three months of 31.00, paid for at the start of a trial of 21 days."""
    wanted = {"trial_period_days": 21, "billing_schedules": [months(3)], **more}
    return shop.subscribe(shop.customer(), shop.price(3100), **wanted)


def test_in_a_trial_the_months_after_it_are_paid_at_once(shop: Shop) -> None:
    sub = trialing(shop)
    april = APRIL + 21 * DAY
    assert sub.status == "trialing"
    assert sub.billing_schedules[0].bill_until.computed_timestamp == april
    first = shop.latest(sub)
    assert (first.status, amounts(first)) == ("paid", [0, 3100, 3100, 3100])
    assert periods(first)[1] == (TRIAL_END, FEBRUARY + 21 * DAY)
    item = sub["items"].data[0]
    assert (item.current_period_end, item.billed_until) == (TRIAL_END, april)
    shop.advance(TRIAL_END + 2 * HOUR)
    assert shop.read(sub).status == "active"
    shop.advance(april - HOUR)
    assert totals(shop, sub) == [9300]
    shop.advance(april + 2 * HOUR)
    assert totals(shop, sub) == [9300, 3100]


def test_a_trial_that_runs_already_is_billed_ahead_by_an_update(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(3100), trial_period_days=21)
    early = {"bill_until": {"type": "timestamp", "timestamp": TRIAL_END - 1}}
    with pytest.raises(InvalidRequestError) as error:
        shop.update(sub, billing_schedules=[early])
    assert refused(error.value)[2] == "billing_schedules[0][bill_until]"
    assert shop.update(sub, billing_schedules=[months(1)]).status == "trialing"
    assert totals(shop, sub) == [0, 3100]
    assert periods(shop.latest(sub)) == [(TRIAL_END, FEBRUARY + 21 * DAY)]


def test_a_trial_that_is_not_paid_for_is_incomplete_until_it_is(shop: Shop) -> None:
    sub = trialing(shop, payment_behavior="default_incomplete")
    assert (sub.status, shop.latest(sub).status) == ("incomplete", "open")
    shop.client.v1.invoices.pay(sub.latest_invoice)
    assert shop.read(sub).status == "trialing"
    shop.advance(TRIAL_END + 2 * HOUR)
    assert (shop.read(sub).status, totals(shop, sub)) == ("active", [9300])


def test_a_trial_ended_by_hand_gives_back_and_bills_again(shop: Shop) -> None:
    sub = trialing(shop)
    now = START + 11 * DAY
    shop.advance(now)
    ended = shop.update(sub, trial_end="now")
    assert ended.status == "active"
    # Whole months from 12 January to 12 April, and 10 of the 30 days that follow.
    latest = shop.latest(sub)
    assert sorted(amounts(latest)) == [-3100, -3100, -3100, 1033, 3100, 3100, 3100]
    assert (latest.total, latest.status) == (1033, "paid")
    assert ended["items"].data[0].billed_until == APRIL + 21 * DAY
    shop.advance(APRIL + 11 * DAY - HOUR)
    assert totals(shop, sub) == [9300, 1033]
    shop.advance(APRIL + 11 * DAY + 2 * HOUR)
    assert totals(shop, sub) == [9300, 1033, 2067]


def test_a_trial_that_is_moved_gives_back_and_bills_again(shop: Shop) -> None:
    sub = trialing(shop)
    later = shop.update(sub, trial_end=FEBRUARY + 21 * DAY)
    assert later.status == "trialing"
    latest = shop.latest(sub)
    assert sorted(amounts(latest)) == [-3100, -3100, -3100, 3100, 3100]
    assert shop.client.v1.customers.retrieve(sub.customer).balance == -3100
    beyond = shop.update(sub, trial_end=APRIL + 25 * DAY)
    assert beyond.status == "trialing"
    pending = shop.client.v1.invoice_items.list({"customer": sub.customer, "pending": True}).data
    assert [one.amount for one in pending] == [-3100, -3100]


def test_a_change_in_a_trial_bills_again_what_was_billed_ahead(shop: Shop) -> None:
    sub = trialing(shop)
    item = sub["items"].data[0].id
    shop.update(sub, items=[{"id": item, "quantity": 2}], proration_behavior="always_invoice")
    assert sorted(amounts(shop.latest(sub))) == [-3100, -3100, -3100, 6200, 6200, 6200]
    shop.update(sub, items=[{"id": item, "quantity": 1}], proration_behavior="always_invoice")
    assert sorted(amounts(shop.latest(sub))) == [-6200, -6200, -6200, 3100, 3100, 3100]
    shop.client.v1.subscriptions.cancel(sub.id, {"prorate": True, "invoice_now": True})
    assert sorted(amounts(shop.latest(sub))) == [-3100, -3100, -3100]


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

"""A schedule pauses its subscription, and resumes it, at instants that were planned."""

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
from tests.sandbox.subscriptions.test_renewal import fails_from_now_on

TENTH, FORTIETH = START + 10 * DAY, START + 40 * DAY


def at(instant: int) -> dict[str, Any]:
    return {"type": "timestamp", "timestamp": instant}


def planned(shop: Shop, sub: Any, plan: dict[str, Any]) -> Any:
    schedules = shop.client.v1.subscription_schedules
    made = schedules.create({"from_subscription": sub.id})
    return schedules.update(made.id, {"pause_schedules": [plan]})


def test_it_is_paused_and_resumed_as_planned(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(3100))
    plan = {
        "key": "holidays",
        "pause": {"pause_at": at(TENTH)},
        "resume": {"resume_at": at(FORTIETH)},
    }
    schedule = planned(shop, sub, plan)
    (entry,) = schedule.pause_schedules
    assert (entry.key, entry.pause.pause_at, entry.resume.resume_at) == (
        "holidays",
        TENTH,
        FORTIETH,
    )
    assert entry.pause.settings.bill_for.unused_time_from.type == "pause_at"
    assert entry.resume.settings.to_dict() == {
        "billing_cycle_anchor": "resume_at",
        "payment_behavior": "resume_on_payment_success",
        "proration_behavior": "create_prorations",
    }
    assert entry.pause.status.type == entry.resume.status.type == "scheduled"
    shop.advance(TENTH - HOUR)
    assert shop.read(sub).status == "active"
    shop.advance(TENTH)
    paused = shop.read(sub)
    assert (paused.status, paused.status_details.paused.subscription.type) == (
        "paused",
        "pause_requested",
    )
    pending = shop.client.v1.invoice_items.list({"customer": sub.customer, "pending": True}).data
    assert [one.amount for one in pending] == [-2100]  # 21 of 31 days
    shop.advance(FORTIETH)
    resumed = shop.read(sub)
    assert (resumed.status, resumed.billing_cycle_anchor) == ("active", FORTIETH)
    assert (shop.latest(sub).status, shop.latest(sub).total) == ("paid", 1000)
    (entry,) = shop.client.v1.subscription_schedules.retrieve(schedule.id).pause_schedules
    assert entry.pause.status.type == entry.resume.status.type == "succeeded"


def test_a_plan_is_changed_by_its_key_and_cleared(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(3100))
    schedule = planned(shop, sub, {"key": "a", "pause": {"pause_at": at(TENTH)}})
    assert schedule.pause_schedules[0].resume is None
    update = shop.client.v1.subscription_schedules.update
    after = {"type": "duration", "duration": {"interval": "week", "interval_count": 2}}
    none = {"bill_for": {"unused_time_from": {"type": "none"}}}
    changed: Any = update(
        schedule.id,
        {
            "pause_schedules": [
                {"key": "a", "pause": {"settings": none}, "resume": {"resume_at": after}}
            ]
        },
    )
    (entry,) = changed.pause_schedules
    assert (entry.pause.pause_at, entry.resume.resume_at) == (TENTH, TENTH + 14 * DAY)
    assert entry.pause.settings.bill_for.to_dict() == {
        "outstanding_usage_through": {"type": "pause_at"},
        "unused_time_from": {"type": "none"},
    }
    assert update(schedule.id, {"pause_schedules": ""}).pause_schedules == []
    shop.advance(FEBRUARY)
    assert shop.read(sub).status == "active"


def test_now_is_at_once_and_a_phase_that_came_meanwhile_is_taken_over(shop: Shop) -> None:
    dear, cheap = shop.price(3100), shop.price(1000)
    sub = shop.subscribe(shop.customer(), dear)
    schedules = shop.client.v1.subscription_schedules
    schedule = schedules.create({"from_subscription": sub.id})
    schedules.update(
        schedule.id,
        {
            "phases": [
                {"items": [{"price": dear.id}], "start_date": START, "end_date": FEBRUARY},
                {
                    "items": [{"price": cheap.id}],
                    "duration": {"interval": "month", "interval_count": 6},
                },
            ]
        },
    )
    schedules.update(
        schedule.id, {"pause_schedules": [{"key": "b", "pause": {"pause_at": {"type": "now"}}}]}
    )
    assert shop.read(sub).status == "paused"
    shop.advance(MARCH)
    assert shop.read(sub)["items"].data[0].price.id == dear.id
    resumed: Any = schedules.update(
        schedule.id,
        {"pause_schedules": [{"key": "b", "resume": {"resume_at": {"type": "now"}}}]},
    )
    assert resumed.pause_schedules[0].resume.status.type == "succeeded"
    assert shop.read(sub)["items"].data[0].price.id == cheap.id
    assert sorted(amounts(shop.latest(sub))) == [-3100, 1000]


def test_a_resumption_that_is_not_paid_is_pending_until_it_is(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100))
    none = {"bill_for": {"unused_time_from": {"type": "none"}}}
    plan = {
        "pause": {"pause_at": at(TENTH), "settings": none},
        "resume": {"resume_at": at(FORTIETH)},
    }
    schedule = planned(shop, sub, plan)
    fails_from_now_on(shop, customer.id)
    shop.advance(FORTIETH)
    read = shop.client.v1.subscription_schedules.retrieve
    assert shop.read(sub).status == "paused"
    assert read(schedule.id).pause_schedules[0].resume.status.type == "pending"
    card = shop.client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    shop.client.v1.invoices.pay(shop.latest(sub).id, {"payment_method": card.id})
    assert shop.read(sub).status == "active"
    assert read(schedule.id).pause_schedules[0].resume.status.type == "succeeded"


def test_what_cannot_be_done_is_noted(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(3100))
    plan = {"pause": {"pause_at": at(FORTIETH)}, "resume": {"resume_at": at(MARCH)}}
    schedule = planned(shop, sub, plan)
    update = shop.client.v1.subscriptions.update
    update(sub.id, {"collection_method": "send_invoice", "days_until_due": 1})
    shop.client.v1.subscriptions.cancel(sub.id)
    shop.advance(MARCH)
    (entry,) = shop.client.v1.subscription_schedules.retrieve(schedule.id).pause_schedules
    assert (entry.pause.status.type, entry.resume.status.type) == ("error", "error")
    assert entry.pause.status.error.message == "The subscription cannot be paused."


@pytest.mark.parametrize(
    ("plan", "param"),
    [
        ([{"key": "a"}], "[0][pause]"),
        ([{"pause": {"pause_at": {"type": "timestamp"}}}], "[0][pause][pause_at][timestamp]"),
        ([{"pause": {"pause_at": at(START - DAY)}}], "[0][pause][pause_at][timestamp]"),
        (
            [{"pause": {"pause_at": at(FEBRUARY)}, "resume": {"resume_at": at(TENTH)}}],
            "[0][resume][resume_at]",
        ),
        ([{"pause": {"pause_at": at(TENTH)}}] * 2, ""),
    ],
)
def test_plans_that_are_none(shop: Shop, plan: Any, param: str) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(3100))
    schedules = shop.client.v1.subscription_schedules
    made = schedules.create({"from_subscription": sub.id})
    with pytest.raises(InvalidRequestError) as error:
        schedules.update(made.id, {"pause_schedules": plan})
    assert refused(error.value)[2] == f"pause_schedules{param}"

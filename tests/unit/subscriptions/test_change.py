from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tallygate.catalog.model import Flat, Interval, Plan, Price
from tallygate.core.errors import Conflict, Invalid
from tallygate.core.period import Period
from tallygate.subscriptions.calendar import base_period, phase_at
from tallygate.subscriptions.change import cancel, change_plan, resume
from tallygate.subscriptions.life import begin, status
from tallygate.subscriptions.model import Subscription


def at(month: int, day: int, hour: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def plan(key: str, month: str | None = None, year: str | None = None) -> Plan:
    flats: list[tuple[Interval, str | None]] = [("month", month), ("year", year)]
    prices = tuple(
        Price(f"{key}_{every}", Flat({"eur": Decimal(amount)}), every=every)
        for every, amount in flats
        if amount is not None
    )
    return Plan(key, key, prices)


FREE = plan("free")
STARTER = plan("starter", "99", "990")
PRO = plan("pro", "199", "1990")


def on(wanted: Plan, start: datetime, interval: Interval = "month", days: int = 0) -> Subscription:
    return begin(
        id="sub_1",
        organization="org_1",
        billing_account="bil_1",
        currency="eur",
        plan=wanted,
        interval=interval,
        catalog_version=1,
        at=start,
        trial_days=days,
    )


def move(
    subscription: Subscription,
    current: Plan,
    wanted: Plan,
    moment: datetime,
    interval: Interval = "month",
    **more: object,
) -> Subscription:
    return change_plan(
        subscription,
        current,
        wanted,
        moment,
        interval=interval,
        catalog_version=1,
        **more,  # type: ignore[arg-type]  # by name
    )


def test_an_upgrade_comes_at_once() -> None:
    changed = move(on(STARTER, at(1, 1)), STARTER, PRO, at(1, 11))
    assert [(p.plan, p.since, p.until) for p in changed.phases] == [
        ("starter", at(1, 1), at(1, 11)),
        ("pro", at(1, 11), None),
    ]
    assert changed.anchor == at(1, 1)


def test_a_downgrade_waits_for_the_end_of_the_period() -> None:
    changed = move(on(PRO, at(1, 31)), PRO, STARTER, at(2, 10))
    assert phase_at(changed, at(2, 27)).plan == "pro"
    assert phase_at(changed, at(2, 28)).plan == "starter"


def test_a_downgrade_of_an_annual_base_waits_for_the_year() -> None:
    changed = move(on(PRO, at(1, 31), "year"), PRO, STARTER, at(2, 10), "year")
    assert changed.phases[-1].since == at(1, 31, year=2027)


def test_a_downgrade_comes_at_once_when_asked() -> None:
    changed = move(on(PRO, at(1, 1)), PRO, STARTER, at(1, 11), when="now")
    assert changed.phases[-1].since == at(1, 11)


def test_an_upgrade_can_be_asked_to_wait() -> None:
    changed = move(on(STARTER, at(1, 1)), STARTER, PRO, at(1, 11), when="period_end")
    assert changed.phases[-1].since == at(2, 1)


def test_an_interval_change_always_waits() -> None:
    subscription = on(STARTER, at(1, 15))
    changed = move(subscription, STARTER, PRO, at(1, 20), "year")
    assert changed.phases[-1].since == at(2, 15)
    assert base_period(changed, at(2, 15)) == Period(at(2, 15), at(2, 15, year=2027))
    with pytest.raises(Invalid, match="waits for the end"):
        move(subscription, STARTER, PRO, at(1, 20), "year", when="now")


def test_in_a_trial_every_change_is_immediate_and_keeps_its_end() -> None:
    subscription = on(PRO, at(1, 1), days=14)
    changed = move(subscription, PRO, STARTER, at(1, 5), "year")
    assert changed.phases[-1].since == at(1, 5)
    assert changed.trial_end == changed.anchor == at(1, 15)


def test_a_change_replaces_a_scheduled_one() -> None:
    scheduled = move(on(PRO, at(1, 1)), PRO, STARTER, at(1, 5))
    again = move(scheduled, PRO, FREE, at(1, 6))
    assert [(p.plan, p.since) for p in again.phases] == [("pro", at(1, 1)), ("free", at(2, 1))]


def test_choosing_the_present_plan_takes_a_scheduled_change_back() -> None:
    scheduled = move(on(PRO, at(1, 1)), PRO, STARTER, at(1, 5))
    again = move(scheduled, PRO, PRO, at(1, 6))
    assert [(p.plan, p.until) for p in again.phases] == [("pro", None)]
    with pytest.raises(Conflict, match="already"):
        move(again, PRO, PRO, at(1, 7))


def test_a_dormant_free_plan_becomes_paid_with_a_new_anchor() -> None:
    changed = move(on(FREE, at(1, 1)), FREE, PRO, at(1, 20, 7), dormant=True)
    assert changed.anchor == changed.billed_until == at(1, 20, 7)
    assert changed.phases[0].anchor == at(1, 1)


def test_a_free_plan_with_something_to_bill_keeps_the_anchor() -> None:
    changed = move(on(FREE, at(1, 1)), FREE, PRO, at(1, 20, 7))
    assert changed.anchor == at(1, 1)
    assert changed.phases[-1].since == at(1, 20, 7)


def test_two_changes_at_one_instant_are_the_last_of_them() -> None:
    once = move(on(FREE, at(1, 1)), FREE, STARTER, at(1, 1))
    twice = move(once, STARTER, PRO, at(1, 1))
    assert [(p.plan, p.since) for p in twice.phases] == [("pro", at(1, 1))]


def test_cancel_at_the_end_and_resume() -> None:
    subscription = on(PRO, at(1, 31))
    leaving = cancel(subscription, at(2, 10))
    assert leaving.cancel_at == at(2, 28)
    assert status(leaving, at(2, 27)) == "active"
    assert status(leaving, at(2, 28)) == "canceled"
    assert resume(leaving, at(2, 20)) == subscription
    with pytest.raises(Conflict, match="ended"):
        resume(leaving, at(2, 28))
    with pytest.raises(Conflict, match="nothing to resume"):
        resume(subscription, at(2, 20))
    with pytest.raises(Conflict, match="to end on 2026-02-28"):
        cancel(leaving, at(2, 20))


def test_cancel_now_ends_the_phase_and_forgets_what_was_scheduled() -> None:
    scheduled = move(on(PRO, at(1, 1)), PRO, STARTER, at(1, 5))
    ended = cancel(scheduled, at(1, 10), now=True, refund=True)
    assert (ended.ended_at, ended.refund) == (at(1, 10), True)
    assert [(p.plan, p.until) for p in ended.phases] == [("pro", at(1, 10))]
    with pytest.raises(Conflict, match="has ended"):
        cancel(ended, at(1, 11), now=True)


def test_a_refund_needs_an_end_that_comes_now() -> None:
    with pytest.raises(Invalid, match="comes now"):
        cancel(on(PRO, at(1, 1)), at(1, 5), refund=True)


def test_a_trial_is_cancelled_at_its_end() -> None:
    assert cancel(on(PRO, at(1, 1), days=14), at(1, 5)).cancel_at == at(1, 15)


def test_a_change_beyond_a_scheduled_end_is_refused() -> None:
    leaving = cancel(on(PRO, at(1, 1)), at(1, 5))
    with pytest.raises(Conflict, match="resume it first"):
        move(leaving, PRO, STARTER, at(1, 6))


def test_what_is_billed_cannot_change() -> None:
    billed = replace(on(PRO, at(1, 1)), billed_until=at(2, 1))
    with pytest.raises(Conflict, match="billed already"):
        move(billed, PRO, STARTER, at(1, 31))


def test_terms_that_are_not_offered_are_refused_with_a_sentence() -> None:
    with pytest.raises(Invalid, match="choose month"):
        on(plan("solo", "9"), at(1, 1), "year")
    with pytest.raises(Invalid, match="no amount in usd, only in eur"):
        begin(
            id="s", organization="o", billing_account="b", currency="usd", plan=PRO,
            interval="month", catalog_version=1, at=at(1, 1),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("day", "now", "anchor"),
    [
        (31, at(3, 10), at(1, 31)),
        (1, at(3, 10), at(3, 1)),
        (10, at(3, 10, 5), at(3, 10)),
        (30, at(3, 1), at(1, 30)),
        (29, datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 2, 29, tzinfo=UTC)),
        (15, at(1, 3), at(12, 15, year=2025)),
    ],
)
def test_a_wished_day_is_the_anchor_that_came_last(
    day: int, now: datetime, anchor: datetime
) -> None:
    made = begin(
        id="s", organization="o", billing_account="b", currency="eur", plan=PRO,
        interval="month", catalog_version=1, at=now, anchor_day=day,
    )  # fmt: skip
    assert made.anchor == anchor

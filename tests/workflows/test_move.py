"""Whoever has an older price list comes to the newest when asked, and pays nothing before."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tallygate.adapters.store import attention, customers, invoices, subscriptions
from tallygate.core.errors import Invalid, NotFound
from tallygate.core.failpoints import armed
from tallygate.core.quantity import plain
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.accounts import create_project
from tallygate.workflows.change import cancel, change_plan
from tallygate.workflows.move import Chosen, Move, Moves, move_to_newest
from tallygate.workflows.operate import create_resource

FIRST = """\
name: shop
currency: usd
meters:
  calls: {event: api.call, aggregation: count}
plans:
  free: {name: Free}
  starter:
    name: Starter
    prices:
      - {key: starter_monthly, flat: "29.00", every: month}
      - {key: starter_annual, flat: "290.00", every: year}
      - {key: calls, meter: calls, per_unit: "0.05"}
  pro:
    name: Pro
    trial_days: 14
    prices: [{key: pro_monthly, flat: "99.00", every: month}]
prices:
  - {key: vm_monthly, per_unit: "25.00", every: month}
resources:
  vm: {price: vm_monthly}
"""
SECOND = (
    FIRST.replace('"29.00"', '"31.00"').replace('"290.00"', '"310.00"').replace("0.05", "0.06")
)
THIRD = SECOND.replace('"31.00"', '"33.00"').replace('"99.00"', '"109.00"')


def at(month: int, day: int, year: int = 2026) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


def move(platform: Any, version: int | None = None, plan: str | None = None) -> Moves:
    """Move, after a dry run that says the same and changes nothing."""
    before = held(platform)
    foreseen = move_to_newest(platform.installation, Chosen(version, plan))
    assert held(platform) == before
    moves = move_to_newest(platform.installation, Chosen(version, plan), commit=True)
    assert moves == foreseen
    return moves


def pays(moved: Move) -> tuple[str, str]:
    """Before and after, for an interval."""
    return plain(moved.before), plain(moved.after)


def held(platform: Any) -> tuple[Subscription, ...]:
    with platform.installation.store.read() as tx:
        return subscriptions.page(tx, None)


def phases(platform: Any, subscription: str) -> list[tuple[str, str, int, datetime]]:
    [found] = [one for one in held(platform) if one.id == subscription]
    return [(one.plan, one.interval, one.catalog_version, one.since) for one in found.phases]


def test_the_next_period_is_charged_by_the_newest_list(platform: Any) -> None:
    platform.publish(FIRST)
    subscription = platform.subscribed("starter")
    platform.publish(SECOND)
    platform.clock.set(at(1, 10))
    [moved] = move(platform).moved
    assert (moved.version, moved.effective) == (1, at(2, 1))
    assert pays(moved) == ("29", "31")
    assert moved.differing == ("calls",)
    platform.send("api.call", at(1, 9), {})
    [january] = platform.close(at(2, 1))
    platform.clock.set(at(2, 3))
    platform.send("api.call", at(2, 2), {})
    [february] = platform.close(at(3, 1))
    lines = [[(line.price, line.net) for line in one.lines] for one in (january, february)]
    assert lines == [
        [("starter_monthly", 3100), ("calls", 5)],
        [("starter_monthly", 3100), ("calls", 6)],
    ]
    with platform.installation.store.read() as tx:
        made = invoices.of_subscription(tx, subscription.id)
    assert [one.dated for one in made] == [at(1, 1), at(2, 1), at(3, 1)]  # none for the move


def test_a_second_run_moves_nobody_and_takes_nothing_back(platform: Any) -> None:
    """Asking for the plan that one is on takes a scheduled change back, where customers ask."""
    platform.publish(FIRST)
    subscription = platform.subscribed("starter")
    platform.publish(SECOND)
    move(platform)
    scheduled = phases(platform, subscription.id)
    assert scheduled[1:] == [("starter", "month", 2, at(2, 1))]
    platform.clock.set(at(1, 20))
    assert move(platform) == Moves(2, (), ())
    assert phases(platform, subscription.id) == scheduled


def test_a_year_that_was_paid_is_a_year(platform: Any) -> None:
    platform.publish(FIRST)
    platform.subscribed("starter", interval="year")
    platform.publish(SECOND)
    platform.clock.set(at(3, 10))
    [moved] = move(platform).moved
    assert pays(moved) == ("290", "310")
    assert moved.effective == at(1, 1, 2027)


def test_a_trial_goes_on_by_the_newest_list(platform: Any) -> None:
    platform.publish(FIRST)
    subscription = platform.subscribed("pro")
    platform.publish(THIRD)
    platform.clock.set(at(1, 5))
    [moved] = move(platform).moved
    assert (moved.effective, pays(moved)) == (at(1, 5), ("99", "109"))
    [found] = held(platform)
    assert found.trial_end == at(1, 15) == found.anchor
    [first] = platform.close(at(1, 15))
    assert [(line.price, line.net) for line in first.lines] == [("pro_monthly", 10900)]
    assert first.subscription == subscription.id


def test_within_the_second_of_its_beginning(platform: Any) -> None:
    platform.publish(FIRST)
    platform.clock.advance(timedelta(microseconds=7))
    subscription = platform.subscribed("pro")
    platform.publish(THIRD)
    [moved] = move(platform).moved
    before, after = phases(platform, subscription.id)
    assert (after[2], before[3] < after[3], after[3]) == (2, True, moved.effective)
    assert move(platform).moved == ()


def test_those_of_a_version_or_a_plan_move_alone(platform: Any) -> None:
    platform.publish(FIRST)
    first = platform.subscribed("starter", "acme")
    large = platform.subscribed("pro", "globex")
    platform.publish(SECOND)
    second = platform.subscribed("starter", "initech")
    platform.publish(THIRD)
    assert [one.subscription for one in move(platform, version=2).moved] == [second.id]
    assert [one.subscription for one in move(platform, plan="pro").moved] == [large.id]
    assert [one.subscription for one in move(platform).moved] == [first.id]


def test_a_move_to_a_version_that_is_no_longer_the_newest_is_made_anew(platform: Any) -> None:
    platform.publish(FIRST)
    subscription = platform.subscribed("starter")
    platform.publish(SECOND)
    move(platform)
    platform.publish(THIRD)
    [moved] = move(platform).moved
    assert (moved.version, pays(moved)) == (2, ("31", "33"))
    assert phases(platform, subscription.id) == [
        ("starter", "month", 1, at(1, 1)),
        ("starter", "month", 3, at(2, 1)),
    ]


def test_a_change_that_a_customer_scheduled_stays_and_gets_the_newest_terms(
    platform: Any,
) -> None:
    platform.publish(FIRST)
    subscription = platform.subscribed("pro", trial=False)
    change_plan(platform.installation, subscription.id, "starter")
    platform.publish(SECOND)
    [moved] = move(platform).moved
    assert (moved.plan, pays(moved)) == ("starter", ("29", "31"))
    assert phases(platform, subscription.id) == [
        ("pro", "month", 1, at(1, 1)),
        ("starter", "month", 2, at(2, 1)),
    ]
    assert move(platform).moved == ()


def test_who_cannot_come_along_stays_with_a_sentence(platform: Any) -> None:
    platform.publish(FIRST)
    names = ("leaves", "left", "annual", "free", "small", "large")
    plans = ("starter", "starter", "starter", "free", "starter", "pro")
    leaves, left, annual, free, small, large = (
        platform.subscribed(plan, name, trial=False, interval="year" if name == "annual" else None)
        for plan, name in zip(plans, names, strict=True)
    )
    cancel(platform.installation, leaves.id)
    cancel(platform.installation, left.id, now=True)
    second = SECOND.replace("  free: {name: Free}\n", "").replace(
        '      - {key: starter_annual, flat: "310.00", every: year}\n', ""
    )
    costly = '  free:\n    prices: [{key: free_monthly, flat: "1.00", every: month}]\n'
    gone = second[second.index("  pro:") : second.index("prices:\n  - {key: vm")]
    platform.publish(second.replace(gone, costly))
    moves = move(platform)
    assert [one.subscription for one in moves.moved] == [small.id]
    reasons = {one.subscription: one.reason for one in moves.staying}
    assert reasons.keys() == {leaves.id, annual.id, free.id, large.id}
    assert "ends on 2026-02-01T00:00:00Z, before the change" in reasons[leaves.id]
    assert "not sold by the year" in reasons[annual.id]
    assert "was free, and costs something now" in reasons[free.id]
    assert "There is no plan 'pro'" in reasons[large.id]


def test_what_resources_will_cost_is_told_to_whoever_has_some(platform: Any) -> None:
    platform.publish(FIRST)
    rents = platform.subscribed("pro", "acme", trial=False)
    platform.subscribed("pro", "globex", trial=False)
    create_project(platform.installation, rents.organization, "p", tenant=None, external_id="p")
    create_resource(platform.installation, "p", "vm", tenant=None)
    platform.publish(FIRST.replace('"25.00"', '"27.00"'))
    differing = {one.billing_account: one.differing for one in move(platform).moved}
    assert sorted(differing.values()) == [(), ("vm_monthly",)]
    assert differing[rents.billing_account] == ("vm_monthly",)


def stop() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("where", "done"), [("before", 0), ("after", 1)])
def test_a_run_that_was_stopped_is_gone_on_with(platform: Any, where: str, done: int) -> None:
    platform.publish(FIRST)
    for name in ("acme", "globex", "initech"):
        platform.subscribed("starter", name)
    platform.publish(SECOND)
    chosen = Chosen()
    with armed(f"move.commit.{where}", stop), pytest.raises(KeyboardInterrupt):
        move_to_newest(platform.installation, chosen, commit=True)
    versions = [one.phases[-1].catalog_version for one in held(platform)]
    assert versions == [2] * done + [1] * (3 - done)
    assert len(move(platform).moved) == 3 - done
    assert [len(one.phases) for one in held(platform)] == [2, 2, 2]


def test_a_customer_who_changes_meanwhile_is_looked_at_again(platform: Any) -> None:
    """Between the look at all and the move of one, the customer has chosen another plan."""
    platform.publish(FIRST)
    platform.subscribed("starter", "acme")
    other = platform.subscribed("starter", "globex")
    platform.publish(SECOND)

    def choose() -> None:
        if phases(platform, other.id)[-1][0] == "starter":
            change_plan(platform.installation, other.id, "pro", when="now")

    with armed("move.commit.after", choose):
        moves = move_to_newest(platform.installation, Chosen(), commit=True)
    assert (len(moves.moved), moves.staying) == (1, ())
    assert [one[:3] for one in phases(platform, other.id)][-1] == ("pro", "month", 2)


def test_the_payment_provider_hears_of_it(platform: Any) -> None:
    """Where the account is its customer; and a dry run is no news."""
    platform.publish(FIRST)
    linked = platform.subscribed("starter", "acme")
    platform.subscribed("starter", "globex")
    platform.publish(SECOND)
    now = platform.clock.now()
    with platform.installation.store.write() as tx:
        customers.link(
            tx, linked.billing_account, linked.organization, "cus_1", email=None, at=now
        )
    move_to_newest(platform.installation, Chosen())
    with platform.installation.store.write() as tx:
        assert attention.take(tx, now, 9, timedelta(minutes=1)) == ()
    move(platform)
    with platform.installation.store.write() as tx:
        [marked] = attention.take(tx, now, 9, timedelta(minutes=1))
    assert (marked.billing_account, marked.reason) == (linked.billing_account, "move")


def test_what_cannot_be_asked_is_refused(platform: Any) -> None:
    platform.publish(FIRST)
    platform.publish(SECOND)
    for chosen, error, said in (
        (Chosen(2), Invalid, "Version 2 is the newest"),
        (Chosen(7), NotFound, "no version 7"),
        (Chosen(plan="prro"), Invalid, "There is no plan 'prro'"),
    ):
        with pytest.raises(error, match=said):
            move_to_newest(platform.installation, chosen)
    assert move(platform) == Moves(2, (), ())


def test_more_than_a_page_of_them(platform: Any) -> None:
    platform.publish(FIRST)
    for number in range(103):
        platform.subscribed("starter", f"tenant-{number}")
    platform.publish(SECOND)
    looked: list[int] = []
    moves = move_to_newest(platform.installation, Chosen(), told=looked.append)
    assert len({one.subscription for one in moves.moved}) == 103 == looked[-1]
    assert sum((one.after - one.before for one in moves.moved), Decimal(0)) == 206

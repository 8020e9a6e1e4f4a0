"""What is given no time happens at a whole second, and never before what it follows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tallygate.workflows.accounts import (
    create_billing_account,
    create_project,
    switch_payer,
)
from tallygate.workflows.change import cancel, change_plan, resume
from tallygate.workflows.members import add_member, remove_member
from tallygate.workflows.operate import create_resource, delete_resource, stop_resource
from tallygate.workflows.subscribe import subscribe

CATALOG = """
name: shop
currency: usd
plans:
  basic: {name: Basic, prices: [{key: basic, flat: "9.00", every: month}]}
  more: {name: More, prices: [{key: more, flat: "19.00", every: month}]}
prices:
  - {key: vm, per_unit: "10.00", every: month}
resources:
  vm: {price: vm}
"""
SECOND = datetime(2026, 1, 10, 9, 30, 15, tzinfo=UTC)
LATER = timedelta(microseconds=730_001)
DAY = timedelta(days=1)


@pytest.fixture
def shop(platform: Any) -> Any:
    platform.publish(CATALOG)
    platform.clock.set(SECOND + LATER)
    return platform


def test_subscriptions_begin_change_and_end_at_whole_seconds(shop: Any) -> None:
    here, made = shop.installation, shop.subscribed("basic")
    assert made.phases[-1].since == SECOND
    shop.clock.advance(DAY)
    preview = change_plan(here, made.id, "more", commit=False)
    changed = change_plan(here, made.id, "more")
    assert changed.effective == preview.effective == SECOND + DAY
    assert changed.invoice is not None
    assert changed.invoice.dated == SECOND + DAY
    assert [line.period.start for line in changed.invoice.lines] == [SECOND + DAY] * 2
    shop.clock.advance(DAY)
    change_plan(here, made.id, "basic")  # to come at the period's end
    cancel(here, made.id)
    resume(here, made.id)
    assert cancel(here, made.id, now=True).ended_at == SECOND + 2 * DAY


def test_a_change_does_not_come_before_the_beginning_that_it_changes(shop: Any) -> None:
    here, begin = shop.installation, SECOND + LATER / 2
    made = shop.subscribed("basic", at=begin)
    assert made.phases[-1].since == begin
    assert change_plan(here, made.id, "more").effective == begin
    assert cancel(here, made.id, now=True).ended_at == begin


def test_a_time_that_is_given_is_exact(shop: Any) -> None:
    account = shop.tenant().billing_account
    exact = SECOND + LATER
    made, _ = subscribe(shop.installation, account, "basic", at=exact)
    assert made.phases[-1].since == exact


def test_payers_and_members_change_at_whole_seconds(shop: Any) -> None:
    here, acme = shop.installation, shop.tenant()
    web = create_project(here, acme.id, "web", tenant=None)
    lab = create_billing_account(here, acme.id, "Lab", tenant=None)
    ann = add_member(here, acme.id, "ann", tenant=None)
    assert ann.since == SECOND
    at_once = switch_payer(here, web.id, lab.id, tenant=None)
    assert at_once.since == SECOND + LATER  # the project was not there at the second's start
    shop.clock.advance(DAY)
    assert switch_payer(here, web.id, None, tenant=None).since == SECOND + DAY
    shop.clock.advance(timedelta(milliseconds=1))
    again = switch_payer(here, web.id, lab.id, tenant=None)
    assert again.since == here.now
    assert remove_member(here, ann.id, tenant=None).until == SECOND + DAY


def test_resources_live_at_whole_seconds_in_the_order_of_the_calls(shop: Any) -> None:
    here, acme = shop.installation, shop.tenant()
    web = create_project(here, acme.id, "web", tenant=None)
    shop.clock.advance(DAY)
    made = create_resource(here, web.id, "vm", tenant=None)
    assert made.created_at == SECOND + DAY
    shop.clock.advance(timedelta(milliseconds=1))
    stop_resource(here, made.id, tenant=None)
    shop.clock.advance(timedelta(milliseconds=1))
    assert delete_resource(here, made.id, tenant=None).deleted_at == here.now
    shop.clock.advance(DAY)
    other = create_resource(here, web.id, "vm", tenant=None, at=here.now)
    assert other.created_at == here.now
    shop.clock.advance(DAY)
    assert delete_resource(here, other.id, tenant=None).deleted_at == SECOND + 3 * DAY

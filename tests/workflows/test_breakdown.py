"""Breakdowns of an organization with two payers, stated by hand, on each engine."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.workflows.conftest import Platform

from tallygate.core.errors import Invalid, NotFound
from tallygate.workflows.accounts import create_billing_account, create_project, switch_payer
from tallygate.workflows.operate import create_resource, delete_resource
from tallygate.workflows.questions.breakdown import (
    Asked,
    Breakdown,
    dimensions,
    of_invoice,
    of_open_period,
    of_project,
)
from tallygate.workflows.subscribe import subscribe

CATALOG = """
name: rooms
currency: usd
meters:
  calls: {event: call, value: calls, aggregation: sum, round: {to: "1"}}
  users: {event: call, value: user, aggregation: unique}
plans:
  pro:
    name: Pro
    prices:
      - {key: base, flat: "31.00", every: month}
      - {key: calls, meter: calls, included: 10, per_unit: "0.10", minimum: "2.00"}
      - {key: users, meter: users, per_unit: "1.00"}
prices:
  - {key: small, per_unit: "31.00", every: month}
resources:
  vm.small: {price: small, cost: {amount: "6.20", every: month}}
coupons:
  HALF: {percent_off: 50, duration: forever}
"""
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
FEBRUARY = datetime(2026, 2, 1, tzinfo=UTC)
DAY = timedelta(days=1)


class World:
    """An organization with two projects, one of which another account pays for later."""

    def __init__(self, platform: Platform) -> None:
        self.platform, self.here = platform, platform.installation
        platform.publish(CATALOG)
        self.tenant = platform.tenant()
        self.account = self.tenant.billing_account
        self.ours, self.theirs = (self._project(name) for name in ("ours", "theirs"))
        self.vm = create_resource(
            self.here, self.ours, "vm.small", tenant=None, external_id="vm-1"
        ).id

    def _project(self, name: str) -> str:
        return create_project(self.here, self.tenant.id, name, tenant=None, external_id=name).id

    def call(self, subject: str, at: datetime, calls: int, user: str = "ann") -> None:
        self.platform.send("call", at, {"calls": calls, "user": user}, subject)

    def broken(self, invoice: str, by: str, **more: Any) -> Breakdown:
        return of_invoice(self.here, invoice, Asked(dimensions(by), **more))


@pytest.fixture
def world(each_platform: Platform) -> World:
    return World(each_platform)


def amounts(told: Breakdown) -> dict[tuple[Any, ...], int]:
    return {
        tuple(x for x in (p.project, p.resource, p.price, p.day) if x is not None): p.amount
        for p in (row.part for row in told.rows)
    }


def test_a_month_by_project_resource_price_and_day(world: World) -> None:
    subscribe(world.here, world.account, "pro", coupons=["HALF"])
    world.platform.clock.set(JANUARY + 20 * DAY)
    world.call(world.vm, JANUARY + 2 * DAY, 60)
    world.call("theirs", JANUARY + 3 * DAY, 30)
    world.call("acme", JANUARY + 3 * DAY, 20)
    [invoice] = world.platform.close(FEBRUARY)
    # 110 calls, 10 included: 10.00; one user, whom all three sent: 1.00; the base and the
    # machine for February: 31.00 each; half of all of it.
    assert invoice.total == 3650
    by_price = amounts(world.broken(invoice.id, "meter"))
    assert by_price == {("base",): 1550, ("calls",): 500, ("small",): 1550, ("users",): 50}
    by_project = amounts(world.broken(invoice.id, "project"))
    assert by_project == {
        ("base_plan",): 1550,
        ("account",): 91 + 17,
        (world.ours,): 1550 + 273 + 17,
        (world.theirs,): 136 + 16,
    }
    told = world.broken(invoice.id, "resource", costs=True)
    [machine] = [row for row in told.rows if row.part.resource == world.vm]
    assert (machine.part.amount, machine.cost, machine.name) == (1840, 620, "vm-1")
    assert (told.amount, told.cost) == (3650, 620)
    [sentence] = told.notes
    assert "each one's own number of values" in sentence
    days = amounts(world.broken(invoice.id, "meter,day"))
    assert days["calls", 20454 + 2] + days["calls", 20454 + 3] == 500
    assert days["base", 20454 + 31] in {55, 56}
    assert amounts(world.broken(invoice.id, "resource", project=world.theirs)) == {
        (world.theirs,): 152
    }


def test_what_comes_late_is_of_whom_it_belongs_to(world: World) -> None:
    subscribe(world.here, world.account, "pro")
    world.platform.clock.set(JANUARY + 20 * DAY)
    world.call(world.vm, JANUARY + 2 * DAY, 60)
    [first] = world.platform.close(FEBRUARY)
    before = amounts(world.broken(first.id, "project,meter"))
    world.call("theirs", JANUARY + 9 * DAY, 40)
    delete_resource(world.here, world.vm, tenant=None, at=JANUARY + 15 * DAY)
    assert amounts(world.broken(first.id, "project,meter")) == before
    [second] = world.platform.close(datetime(2026, 3, 1, tzinfo=UTC))
    parts = amounts(world.broken(second.id, "project,meter"))
    # The calls are the other project's; the machine is gone, with all of February's advance.
    assert parts[world.theirs, "calls"] == 400
    assert (world.ours, "calls") not in parts
    assert parts[world.ours, "small"] == -3100 - 1600
    assert sum(parts.values()) == second.total


def test_a_minimum_is_of_the_base_plan_as_far_as_it_adds(world: World) -> None:
    subscribe(world.here, world.account, "pro")
    world.platform.clock.set(JANUARY + 20 * DAY)
    world.call(world.vm, JANUARY + 2 * DAY, 15)
    told = of_open_period(world.here, world.account, Asked(("project", "meter")))
    found = amounts(told)
    assert (found[world.ours, "calls"], found["base_plan", "calls"]) == (50, 150)


def test_each_payer_has_its_own_stretch_and_nothing_of_the_other(world: World) -> None:
    other = create_billing_account(world.here, world.tenant.id, "other", tenant=None).id
    for account in (world.account, other):
        subscribe(world.here, account, "pro")
    world.platform.clock.set(JANUARY + 10 * DAY)
    world.call("theirs", JANUARY + 9 * DAY, 50)
    switch_payer(world.here, world.theirs, other, tenant=None)
    world.platform.clock.set(JANUARY + 20 * DAY)
    world.call("theirs", JANUARY + 19 * DAY, 90)
    asked = Asked(("project", "meter"))
    ours = amounts(of_open_period(world.here, world.account, asked))
    others = amounts(of_open_period(world.here, other, asked))
    assert ours[world.theirs, "calls"] == 400
    assert others[world.theirs, "calls"] == 800
    assert not any(world.ours in key for key in others)
    by_price = amounts(of_project(world.here, world.theirs, Asked(("meter",))))
    assert by_price == {("calls",): 800, ("users",): 100}
    before = of_project(world.here, world.theirs, Asked(("meter",)), billing_account=world.account)
    assert amounts(before) == {("calls",): 400, ("users",): 100}


def test_what_is_not_there_is_not_found(world: World) -> None:
    _, first = subscribe(world.here, world.account, "pro")
    assert first is not None
    stranger = world.platform.tenant("bob")
    with pytest.raises(NotFound):
        of_invoice(world.here, first.id, Asked(), tenant=stranger.id)
    with pytest.raises(NotFound):
        of_open_period(world.here, world.account, Asked(), tenant=stranger.id)
    with pytest.raises(NotFound):
        of_project(world.here, world.ours, Asked(), tenant=stranger.id)
    elsewhere = create_project(world.here, stranger.id, "x", tenant=None).id
    with pytest.raises(NotFound):
        world.broken(first.id, "meter", project=elsewhere)
    with pytest.raises(NotFound):
        world.broken(first.id, "meter", resource=world.ours)


@pytest.mark.parametrize("text", ["", "plan", "day,day", "project,resource,day", "project,"])
def test_other_dimensions_are_refused(text: str) -> None:
    with pytest.raises(Invalid, match="nothing to group by"):
        dimensions(text)

"""What something costs in a project that moves to another organization; amounts by hand.

A vm is 31.00 a month, billed in advance, and 0.10 an hour. January has 31 days, February 28.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from tests.workflows.two_tenants import Two, at

from tallygate.core.errors import NotFound
from tallygate.workflows.accounts import (
    create_billing_account,
    create_project,
    switch_payer,
)
from tallygate.workflows.operate import create_resource, delete_resource
from tallygate.workflows.project_moves import move_project
from tallygate.workflows.questions.estimate import Estimate
from tallygate.workflows.questions.quote_resource import (
    quote_creation,
    quote_deletion,
    quote_resize,
)
from tallygate.workflows.subscribe import subscribe

MOVED = "The project moved to another organization on 2026-01-11T00:00:00Z"


@pytest.fixture
def each_two(each_platform: Any) -> Two:
    return Two(each_platform)


@pytest.fixture
def two(platform: Any) -> Two:
    return Two(platform)


def quoted(two: Two, tenant: str | None, when: datetime | None = None) -> Estimate:
    """Of a new vm in the project that moves, as a key of the tenant asks."""
    here = replace(two.installation, store=two.installation.store.of(tenant))
    return quote_creation(here, "web", "vm", tenant=tenant, at=when)


def more(estimate: Estimate) -> dict[str, list[int]]:
    """What the first charge has more, by price."""
    assert estimate.first_charge is not None
    found: dict[str, list[int]] = {}
    for one in estimate.first_charge.differences:
        found.setdefault(one.line.price, []).append(one.more)
    return found


def test_before_and_after_the_move_it_is_quoted_for_who_pays_then(each_two: Two) -> None:
    two = each_two
    two.clock.set(at(11))
    before = quoted(two, two.acme.id)
    assert before.payer.account.id == two.acme.billing_account
    # 21 of 31 days, and February; 504 hours.
    assert more(before) == {"vm": [3100, 2100], "hours": [5040]}
    assert before.notes == ()
    two.move()
    after = quoted(two, two.zeta.id)
    assert (after.organization, after.payer.account.id) == (
        two.zeta.id,
        two.zeta.billing_account,
    )
    assert (more(after), after.notes) == (more(before), ())
    with pytest.raises(NotFound, match="its project has moved"):
        quoted(two, two.acme.id)
    two.vm("m1")
    made = two.close(at(1, month=2))
    ours, theirs = two.owed(made[two.acme.id]), two.owed(made[two.zeta.id])
    assert (ours.get("vm"), ours["hours"]) == (None, [0])
    assert (theirs["vm"], theirs["hours"]) == ([3100, 2100], [5040])


def test_of_an_instant_before_the_move_the_former_payer_is_charged(each_two: Two) -> None:
    """From January 6 to the move on the 11th are five days; the rest is the new payer's."""
    two = each_two
    two.clock.set(at(11))
    two.move()
    two.clock.set(at(21))
    for tenant in (None, two.acme.id):
        found = quoted(two, tenant, at(6))
        assert found.organization == two.acme.id
        assert found.payer.account.id == two.acme.billing_account
        assert more(found) == {"vm": [500], "hours": [1200]}
        [told] = found.notes
        assert told.startswith(MOVED)
    with pytest.raises(NotFound, match="its project has moved"):
        quoted(two, two.zeta.id, at(6))
    two.vm("m1", at(6))
    made = two.close(at(1, month=2))
    ours, theirs = two.owed(made[two.acme.id]), two.owed(made[two.zeta.id])
    assert (ours["vm"], ours["hours"]) == ([500], [1200])
    assert (theirs["vm"], theirs["hours"]) == ([3100, 2100], [5040])


def test_what_came_along_is_resized_and_deleted_for_the_new_payer(two: Two) -> None:
    two.vm("m1")
    two.clock.set(at(11))
    two.move()
    two.clock.set(at(21))
    here, zeta = two.installation, two.zeta.id
    gone = quote_deletion(here, "m1", tenant=zeta)
    assert gone.payer.account.id == two.zeta.billing_account
    # It stays ten of the 21 days: 11 days of January less, and no February.
    assert more(gone) == {"vm": [-1100, -3100], "hours": [-11 * 240]}
    free = quote_resize(here, "m1", tenant=zeta, type="free")
    assert more(free) == {"vm": [-1100, -3100]}
    # As of January 6, before the move, it is the former payer's: five of ten days less. What the
    # new one saves is not in the numbers.
    past = quote_deletion(here, "m1", tenant=two.acme.id, at=at(6))
    assert past.payer.account.id == two.acme.billing_account
    assert more(past) == {"vm": [-500], "hours": [-1200]}
    assert past.notes[0].startswith(MOVED)
    delete_resource(here, "m1", tenant=zeta)
    made = two.close(at(1, month=2))
    ours, theirs = two.owed(made[two.acme.id]), two.owed(made[two.zeta.id])
    assert (ours["vm"], ours["hours"]) == ([1000], [2400])
    assert (theirs["vm"], theirs["hours"]) == ([1000], [2400])


def test_a_month_that_was_billed_before_the_move_is_adjusted_for_the_former_payer(
    two: Two,
) -> None:
    two.clock.set(at(1, month=2))
    two.close(at(1, month=2))
    two.clock.set(at(11, month=2))
    two.move()
    found = quoted(two, two.acme.id, at(31))
    assert found.payer.account.id == two.acme.billing_account
    # January's last day, and ten of the 28 days of February at 31.00: 11.07.
    assert more(found) == {"vm": [1107, 100], "hours": [2400, 240]}
    two.vm("m1", at(31))
    made = two.close(at(1, month=3))
    ours = two.owed(made[two.acme.id])
    assert (sorted(ours["vm"]), sorted(ours["hours"])) == ([100, 1107], [240, 2400])
    theirs = two.owed(made[two.zeta.id])
    # 18 of 28 days are 19.93.
    assert (theirs["vm"], theirs["hours"]) == ([3100, 1993], [18 * 240])


def test_a_payer_who_is_announced_is_told(two: Two) -> None:
    here, acme = two.installation, two.acme
    lab = create_billing_account(here, acme.id, "Lab", tenant=None)
    switch_payer(here, two.web.id, lab.id, tenant=None, at=at(21))
    two.clock.set(at(11))
    found = quoted(two, acme.id)
    assert more(found) == {"vm": [1000], "hours": [2400]}
    [told] = found.notes
    assert told.startswith("The payer of the project changes on 2026-01-21T00:00:00Z: ")
    create_resource(here, "web", "vm", tenant=None)
    owed = two.owed(two.close(at(1, month=2))[acme.id])
    assert (owed["vm"], owed["hours"]) == ([1000], [2400])


CORES = """
name: cloud
currency: usd
meters: {cores: {event: resource, value: vcpu, aggregation: max}}
plans: {pro: {name: Pro, prices: [{key: cores, meter: cores, per_unit: "31.00"}]}}
resources: {vm: {spec: {vcpu: 2}}}
"""


@pytest.mark.parametrize("moves", [False, True])
def test_a_peak_of_what_comes_after_a_switch_or_a_move_is_whole(
    platform: Any, moves: bool
) -> None:
    """It never was the former payer's, so that no share of the month is taken off."""
    platform.publish(CORES)
    here, acme = platform.installation, platform.tenant("acme")
    zeta = platform.tenant("zeta") if moves else acme
    lab = create_billing_account(here, zeta.id, "Lab", tenant=None)
    subscribe(here, lab.id, "pro")
    web = create_project(here, acme.id, "web", tenant=None, external_id="web")
    platform.clock.set(at(11))
    if moves:
        move_project(here, web.id, zeta.id, billing_account=lab.id)
    else:
        switch_payer(here, web.id, lab.id, tenant=None)
    platform.clock.set(at(21))
    found = quote_creation(here, "web", "vm", tenant=None)
    assert more(found) == {"cores": [6200]}
    create_resource(here, "web", "vm", tenant=None)
    [made] = platform.close(at(1, month=2))
    assert made.total == 6200

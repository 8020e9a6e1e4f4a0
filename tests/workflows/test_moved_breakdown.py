"""What a moved project costs is told to each organization for its own time, by hand."""

from datetime import timedelta
from typing import Any

import pytest
from tests.workflows.two_tenants import Two, at

from tallygate.core.errors import NotFound
from tallygate.workflows.questions.breakdown import (
    Asked,
    Breakdown,
    dimensions,
    of_invoice,
    of_open_period,
    of_project,
)


@pytest.fixture
def each_two(each_platform: Any) -> Two:
    return Two(each_platform)


def amounts(told: Breakdown) -> dict[tuple[Any, ...], int]:
    assert told.amount == told.invoice.total
    return {
        tuple(x for x in (p.project, p.resource, p.price, p.day) if x is not None): p.amount
        for p in (row.part for row in told.rows)
    }


def test_each_organization_is_told_its_own_time(each_two: Two) -> None:
    """Moved on January 11: 10 of 31 days are acme's, 21 are zeta's."""
    two = each_two
    vm = two.vm("m1", at(1)).id
    two.clock.set(at(11))
    for minute in range(8):
        two.send("m1", at(5) + timedelta(minutes=minute))
    two.move()
    made = two.close(at(1, month=2))
    by = Asked(dimensions("project,meter"))
    ours = of_invoice(two.installation, made[two.acme.id].id, by, tenant=two.acme.id)
    # Three calls beyond the five at 1.00, 240 hours at 0.10, a third of the month's machine.
    assert amounts(ours) == {
        (two.web.id, "calls"): 300,
        (two.web.id, "hours"): 2400,
        (two.web.id, "vm"): 1000,
    }
    theirs = of_invoice(two.installation, made[two.zeta.id].id, by, tenant=two.zeta.id)
    assert amounts(theirs) == {
        (two.web.id, "hours"): 21 * 24 * 10,
        (two.web.id, "vm"): 2100 + 3100,
    }
    by = Asked(dimensions("resource"))
    ours = of_invoice(two.installation, made[two.acme.id].id, by, tenant=two.acme.id)
    assert amounts(ours) == {(vm,): 3700}
    assert [row.name for row in ours.rows] == ["m1"]


def test_the_open_period_of_both_and_a_late_event_before_the_move(each_two: Two) -> None:
    two = each_two
    vm = two.vm("m1", at(1)).id
    two.clock.set(at(11))
    two.move()
    two.clock.set(at(21))
    by = Asked(dimensions("resource,day"))
    ours = of_open_period(two.installation, two.acme.billing_account, by, tenant=two.acme.id)
    days = {part.day for part in (row.part for row in ours.rows)}
    # The 1st to the 10th of January 2026; 10 of 31 days of 31.00, and 24 hours at 0.10 each day.
    first = (at(1) - at(1).replace(year=1970)).days
    assert days == set(range(first, first + 10))
    assert {row.part.amount for row in ours.rows} == {100 + 240}
    theirs = of_open_period(two.installation, two.zeta.billing_account, by, tenant=two.zeta.id)
    # So far: the 11th to the 20th by the hour, to the 31st by the day, and February in advance.
    told = amounts(theirs)
    assert told[vm, first + 10] == 100 + 240
    assert told[vm, first + 20] == 100
    assert sum(told.values()) == 2100 + 2400 + 3100
    two.close(at(1, month=2))
    for minute in range(7):
        two.send("m1", at(10) + timedelta(minutes=minute))
    made = two.close(at(1, month=3))
    late = of_invoice(two.installation, made[two.acme.id].id, Asked(dimensions("project,meter")))
    assert amounts(late) == {(two.web.id, "calls"): 200}


def test_a_project_that_left_is_asked_about_by_invoice(two: Two) -> None:
    two.vm("m1", at(1))
    two.clock.set(at(11))
    two.move()
    made = two.close(at(1, month=2))
    asked = Asked(dimensions("resource"), project=two.web.id)
    ours, theirs = (made[one.id].id for one in (two.acme, two.zeta))
    assert of_invoice(two.installation, theirs, asked, tenant=two.zeta.id).amount == 5040 + 5200
    assert of_invoice(two.installation, ours, asked, tenant=two.acme.id).amount == 2400 + 1000
    with pytest.raises(NotFound):
        of_invoice(two.installation, ours, asked, tenant=two.zeta.id)


def test_a_project_is_asked_about_by_whoever_had_it(each_two: Two) -> None:
    two = each_two
    two.vm("m1", at(1))
    two.clock.set(at(11))
    two.move()
    two.clock.set(at(21))
    for owner, amount in ((two.acme, 2400 + 1000), (two.zeta, 2400 + 2100 + 3100)):
        told = of_project(two.installation, two.web.id, Asked(), tenant=owner.id)
        assert told.invoice.billing_account == owner.billing_account
        assert told.amount == amount
    stranger = two.platform.tenant("stranger")
    with pytest.raises(NotFound):
        of_project(two.installation, two.web.id, Asked(), tenant=stranger.id)

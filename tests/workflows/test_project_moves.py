"""A project moves to another organization: each pays for its own time, and sees its own."""

from datetime import timedelta
from typing import Any

import pytest
from tests.workflows.two_tenants import Two, at

from tallygate.accounts.model import Home
from tallygate.adapters.store import (
    accounts,
    event_pages,
    resources,
    subjects,
    subscriptions,
)
from tallygate.adapters.store.former import seen_project, seen_resource
from tallygate.adapters.store.homes import homes_of
from tallygate.core.errors import NotFound
from tallygate.core.period import Period
from tallygate.rating.explain import explain
from tallygate.workflows.accounts import (
    create_billing_account,
    create_project,
    switch_payer,
)
from tallygate.workflows.change import cancel
from tallygate.workflows.ingest import Incoming, ingest
from tallygate.workflows.operate import create_resource, delete_resource, resize_resource
from tallygate.workflows.project_moves import move_project
from tallygate.workflows.questions.report import events_behind, list_events
from tallygate.workflows.subscribe import subscribe

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def each_two(each_platform: Any) -> Two:
    return Two(each_platform)


def test_each_organization_pays_for_its_own_time(each_two: Two) -> None:
    """Moved on January 11: 10 of 31 days are acme's, 21 are zeta's."""
    two = each_two
    two.vm("m1")
    two.clock.set(at(11))
    for minute in range(8):
        two.send("m1", at(5) + timedelta(minutes=minute))
    two.send("m1", at(11) - timedelta(microseconds=1))
    two.send("m1", at(11))
    assert two.move().organization == two.zeta.id
    made = two.close(at(1, month=2))
    ours, theirs = two.owed(made[two.acme.id]), two.owed(made[two.zeta.id])
    assert ours["calls"] == [(8 + 1 - 5) * 100]
    assert theirs["calls"] == [0]
    assert ours["hours"] == [10 * 24 * 10]
    assert theirs["hours"] == [21 * 24 * 10]
    assert ours["vm"] == [1000]
    # In advance for February, and January's 21 days.
    assert sorted(theirs["vm"]) == [2100, 3100]


def test_both_invoices_explain_it(two: Two) -> None:
    two.vm("m1", at(1))
    two.clock.set(at(11))
    two.move()
    made = two.close(at(1, month=2))
    told = {
        owner: [sentence for line in invoice.lines for sentence in explain(line)]
        for owner, invoice in made.items()
    }
    ends, begins = "project web (web) paid for until", "project web (web) paid for from"
    assert sum(f"{ends} 2026-01-11T00:00:00Z" in one for one in told[two.acme.id]) == 2
    assert sum(f"{begins} 2026-01-11T00:00:00Z on" in one for one in told[two.zeta.id]) == 2


def test_late_events_fall_to_whoever_had_it_when_they_happened(each_two: Two) -> None:
    two = each_two
    two.vm("m1", at(1))
    two.clock.set(at(11))
    two.move()
    two.close(at(1, month=2))
    for minute in range(7):
        assert two.send("m1", at(10) + minute * HOUR).accepted == 1
        assert two.send("m1", at(12) + minute * HOUR).accepted == 1
    two.send("m1", at(20), "resource.deleted")
    made = two.close(at(1, month=3))
    ours, theirs = made[two.acme.id], made[two.zeta.id]
    late = [line.net for line in ours.lines if line.kind == "adjustment"]
    assert late == [200]
    # Two calls beyond the five; the machine's last 12 days of January back, by the hour and whole.
    late = sorted(line.net for line in theirs.lines if line.kind == "adjustment")
    assert late == sorted([200, -12 * 24 * 10, -1200])


def test_a_late_deletion_before_the_move_is_both_invoices_to_correct(two: Two) -> None:
    two.vm("m1", at(1))
    two.clock.set(at(11))
    two.move()
    two.close(at(1, month=2))
    assert two.send("m1", at(6), "resource.deleted", tenant=two.acme.id).accepted == 1
    made = two.close(at(1, month=3))
    ours = sorted(line.net for line in made[two.acme.id].lines if line.kind == "adjustment")
    theirs = sorted(line.net for line in made[two.zeta.id].lines if line.kind == "adjustment")
    assert ours == sorted([-5 * 24 * 10, -500])
    assert theirs == sorted([-21 * 24 * 10, -2100])


def test_an_event_counts_once_across_a_move(each_two: Two) -> None:
    """What came before it, without a time or dated ahead, may come again after it."""
    two = each_two
    two.vm("m1", at(1))
    two.clock.set(at(11))
    assert two.send("m1", None, id="untimed", n=1).accepted == 1
    ahead = at(11) + timedelta(minutes=4)
    assert two.send("m1", ahead, id="ahead").accepted == 1
    two.clock.advance(timedelta(minutes=1))
    two.move()
    two.clock.advance(timedelta(minutes=10))
    assert two.send("m1", None, id="untimed", n=1).duplicates == 1
    assert two.send("m1", None, id="untimed", n=2).conflicts
    assert two.send("m1", ahead, id="ahead").duplicates == 1
    assert two.send("m1", ahead, id="ahead", tenant=two.zeta.id).duplicates == 1
    assert two.send("m1", ahead + HOUR / 10, id="ahead").conflicts
    assert two.send("m1", at(10), id="ahead").conflicts
    # Another subject's event of that name is another tenant's own.
    assert two.send(two.zeta.id, None, id="untimed").accepted == 1
    with two.installation.store.read() as tx:
        theirs = event_pages.page(tx, two.zeta.id, types=["api.call"])
        ours = event_pages.page(tx, two.acme.id, types=["api.call"])
    assert [one.id for one in ours] == ["untimed"]
    assert [one.id for one in theirs] == ["ahead", "untimed"]
    assert {one.organization for one in theirs} == {two.zeta.id}


def test_two_events_of_one_name_on_both_sides_in_one_batch_are_a_conflict(two: Two) -> None:
    two.vm("m1", at(1))
    two.clock.set(at(11))
    two.move()
    two.clock.set(at(12))
    batch = [Incoming("same", "test", "api.call", "m1", when, {}) for when in (at(10), at(11, 1))]
    verdicts = ingest(two.installation, batch)
    assert (verdicts.accepted, len(verdicts.conflicts)) == (1, 1)


def test_a_tenant_writes_for_its_own_time_only(two: Two) -> None:
    two.vm("m1", at(1))
    two.clock.set(at(11))
    two.move()
    two.clock.set(at(12))
    acme, zeta = two.acme.id, two.zeta.id
    assert two.send("m1", at(10), tenant=acme).accepted == 1
    assert two.send("m1", at(11), tenant=zeta).accepted == 1
    for tenant, when in ((acme, at(11)), (zeta, at(11) - timedelta(microseconds=1))):
        for kind in ("api.call", "resource.stopped"):
            [refusal] = two.send("m1", when, kind, tenant).rejected
            assert "another organization's" in refusal.error
    with pytest.raises(NotFound, match="another organization's"):
        delete_resource(two.installation, "m1", tenant=acme)
    assert resize_resource(
        two.installation, "m1", tenant=acme, fields={"vcpu": 8}, at=at(10)
    ).left_at == at(11)
    with pytest.raises(NotFound, match="another organization's"):
        create_resource(two.installation, "web", "vm", tenant=acme, external_id="m2")
    with pytest.raises(NotFound, match="There is no project"):
        switch_payer(two.installation, two.web.id, None, tenant=acme)


def test_each_sees_its_own(each_two: Two) -> None:
    two = each_two
    m1 = two.vm("m1", at(1))
    two.clock.set(at(11))
    two.move()
    m2 = two.vm("m2", at(11))
    two.clock.set(at(12))
    two.send("m1", at(10))
    two.send("m1", at(12))
    delete_resource(two.installation, "m1", tenant=two.zeta.id)
    acme, zeta, january = two.acme.id, two.zeta.id, Period(at(1), at(1, month=2))
    with two.installation.store.read() as tx:
        ours, theirs = seen_resource(tx, m1.id, acme), seen_resource(tx, m1.id, zeta)
        assert (ours.organization, ours.left_at, ours.deleted_at) == (acme, at(11), None)
        assert (theirs.organization, theirs.left_at, theirs.deleted_at) == (zeta, None, at(12))
        assert seen_project(tx, two.web.id, acme).left_at == at(11)
        assert seen_project(tx, two.web.id, zeta).left_at is None
        for name in (m1.id, two.web.id):
            with pytest.raises(NotFound):
                seen_resource(tx, name, "org_stranger")
        with pytest.raises(NotFound):
            seen_resource(tx, m2.id, acme)
        spans = {
            owner: [
                (one.since, one.until) for one in resources.states_of(tx, [m1.id], january, owner)
            ]
            for owner in (acme, zeta)
        }
        assert spans == {acme: [(at(1), at(11))], zeta: [(at(11), at(12))]}
        assert subjects.resolve_subject(tx, "m1", None).organization == zeta
        assert accounts.list_projects(tx, acme) == ()
        assert len(accounts.payer_changes(tx, zeta)) == 1
        assert accounts.payer_changes(tx, acme) == ()
        assert homes_of(tx, two.web.id) == (
            Home(two.web.id, acme, None, at(11)),
            Home(two.web.id, zeta, at(11), None),
        )
    for owner, day in ((acme, 10), (zeta, 12)):
        found = list_events(two.installation, tenant=owner, subject="m1", type="api.call")
        assert [one.event.time for one in found] == [at(day)]
        account = two.acme.billing_account if owner == acme else two.zeta.billing_account
        behind = events_behind(two.installation, account, "calls", january, tenant=owner)
        assert [one.event.time for one in behind] == [at(day)]


def test_a_machine_that_came_after_the_move_is_the_new_ones_alone(two: Two) -> None:
    """A peak is weighed by the time that each payer had the series: all of it is zeta's."""
    two.clock.set(at(11))
    two.move()
    two.vm("m2", at(11))
    two.clock.set(at(12))
    two.send("m2", at(12), "gb.report", gb=2)
    [refusal] = two.send("m2", at(10), tenant=two.acme.id).rejected
    assert "unknown" in refusal.error
    made = two.close(at(1, month=2))
    assert two.owed(made[two.acme.id])["peak"] == [0]
    assert two.owed(made[two.zeta.id])["peak"] == [2 * 3100]


def test_a_peak_is_weighed_by_the_seconds_that_each_had_the_series(two: Two) -> None:
    two.vm("m1", at(1))
    two.clock.set(at(11))
    two.send("m1", at(5), "gb.report", gb=3)
    two.move()
    made = two.close(at(1, month=2))
    assert two.owed(made[two.acme.id])["peak"] == [3 * 1000]
    assert two.owed(made[two.zeta.id])["peak"] == [3 * 2100]


def test_a_move_may_be_dated_back_within_what_nobody_was_billed_for(two: Two) -> None:
    two.vm("m1", at(1))
    two.clock.set(at(15))
    two.send("m1", at(12), "gb.report", gb=2)
    for hour in range(8):
        two.send("m1", at(12, hour), id=f"call-{hour}")
    two.move(at(11))
    assert two.send("m1", at(12, 7), id="call-7").duplicates == 1
    made = two.close(at(1, month=2))
    assert two.owed(made[two.acme.id])["calls"] == [0]
    assert two.owed(made[two.zeta.id])["calls"] == [300]
    assert two.owed(made[two.acme.id])["vm"] == [1000]


def test_there_and_back_again(each_two: Two) -> None:
    two = each_two
    two.vm("m1", at(1))
    two.clock.set(at(11))
    assert two.send("m1", None, id="once").accepted == 1
    two.clock.advance(HOUR)
    two.move(at(11, 1))
    two.clock.set(at(21))
    move_project(two.installation, two.web.id, two.acme.id)
    assert two.send("m1", None, id="once").duplicates == 1
    assert two.send("m1", at(22) - 23 * HOUR, tenant=two.zeta.id).rejected
    made = two.close(at(1, month=2))
    owed = {o: two.owed(made[o])["hours"] for o in (two.acme.id, two.zeta.id)}
    ours = 10 * 24 + 1 + 11 * 24
    assert owed == {two.acme.id: [ours * 10], two.zeta.id: [(31 * 24 - ours) * 10]}
    told = [sentence for line in made[two.acme.id].lines for sentence in explain(line)]
    assert any(
        "paid for until 2026-01-11T01:00:00Z and from 2026-01-21T00:00:00Z on" in one
        for one in told
    )


def test_what_the_former_one_announced_falls_away(two: Two) -> None:
    two.vm("m1", at(1))
    lab = create_billing_account(two.installation, two.acme.id, "Lab", tenant=None)
    subscribe(two.installation, lab.id, "pro")
    switch_payer(two.installation, two.web.id, lab.id, tenant=None, at=at(20))
    two.clock.set(at(11))
    two.move()
    made = two.platform.close(at(1, month=2))
    by_account = {one.billing_account: two.owed(one) for one in made}
    assert by_account[lab.id]["hours"] == [0]
    assert by_account[two.zeta.billing_account]["hours"] == [21 * 24 * 10]


def test_an_end_keeps_no_advance_for_what_another_one_pays_by_then(two: Two) -> None:
    """An end gives nothing back of two machines, but for the one that moved away before."""
    two.vm("m1", at(1))
    create_project(two.installation, two.acme.id, "own", tenant=None, external_id="own")
    create_resource(two.installation, "own", "vm", tenant=None, at=at(1))
    two.close(at(1, month=2))
    two.clock.set(at(15, month=2))
    two.move()
    two.clock.set(at(22, month=2))
    with two.installation.store.read() as tx:
        [mine] = subscriptions.of_account(tx, two.acme.billing_account)
    cancel(two.installation, mine.id, now=True)
    made = two.close(at(22, month=2))
    # Both were paid for February; half of one is zeta's.
    assert sum(two.owed(made[two.acme.id])["vm"]) == -3100 // 2

"""A payer's first priced resource begins a period of its own (rows E6, E7); amounts by hand."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.workflows.free_payers import WITH_FREE_TYPE, bills, day, project, theirs
from tests.workflows.stripe_account import START
from tests.workflows.trade import Trade

from tallygate.adapters.store import subscriptions
from tallygate.core.errors import Invalid
from tallygate.testing import FrozenClock, memory_installation
from tallygate.workflows.accounts import (
    create_billing_account,
    create_organization,
    create_project,
    switch_payer,
)
from tallygate.workflows.change import change_plan
from tallygate.workflows.close import close_due
from tallygate.workflows.ingest import Incoming, ingest
from tallygate.workflows.installation import Installation, Settings
from tallygate.workflows.mirror.reconcile import reconcile
from tallygate.workflows.operate import create_resource, delete_resource
from tallygate.workflows.project_moves import move_project
from tallygate.workflows.publish import apply
from tallygate.workflows.questions.quote_resource import quote_creation
from tallygate.workflows.subscribe import subscribe
from tallygate_sandbox.testing import running_sandbox


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(day(1, 1))


@pytest.fixture
def here(clock: FrozenClock) -> Iterator[Installation]:
    with memory_installation(clock, Settings(start_free=True)) as installation:
        apply(installation, WITH_FREE_TYPE)
        yield installation


def test_it_begins_when_the_resource_does(here: Installation, clock: FrozenClock) -> None:
    account, web = project(here)
    clock.set(day(1, 11, 12))
    create_resource(here, web, "vm.free", tenant=None)
    assert len(theirs(here, account)) == 1
    clock.set(day(1, 21, 6))
    create_resource(here, web, "vm.small", tenant=None)
    before, after = theirs(here, account)
    assert before.ended_at == after.started_at == after.anchor == day(1, 21, 6)
    assert after.phases[-1].plan == "free"
    clock.set(day(2, 1))
    create_resource(here, web, "vm.small", tenant=None)
    clock.set(day(2, 21, 7))
    close_due(here)
    # The second one was there for 20.25 of the 31 days of its period: 7.00 x 20.25 / 31 = 4.57.
    assert bills(here, account) == [("2026-01-21", 700), ("2026-02-21", 457 + 1400)]
    assert len(theirs(here, account)) == 2


def test_an_event_that_is_late_begins_it_when_it_happened(
    here: Installation, clock: FrozenClock
) -> None:
    account, web = project(here)
    clock.set(day(1, 11))
    born = Incoming(
        id="1",
        source="vms",
        type="resource.created",
        subject="vm-1",
        time=day(1, 9),
        data={"project": web, "type": "vm.small"},
    )
    assert ingest(here, [born]).accepted == 1
    assert theirs(here, account)[-1].started_at == day(1, 9)
    assert bills(here, account) == [("2026-01-09", 700)]
    assert ingest(here, [born]).duplicates == 1
    assert len(theirs(here, account)) == 2


def test_in_the_second_of_the_sign_up(here: Installation) -> None:
    account, web = project(here)
    create_resource(here, web, "vm.small", tenant=None)
    assert bills(here, account) == [("2026-01-01", 700)]
    assert theirs(here, account)[-1].started_at == day(1, 1)


def test_an_anchor_stays_when_all_are_gone_and_others_come(
    here: Installation, clock: FrozenClock
) -> None:
    account, web = project(here)
    clock.set(day(1, 5))
    only = create_resource(here, web, "vm.small", tenant=None)
    clock.set(day(1, 6))
    delete_resource(here, only.id, tenant=None)
    clock.set(day(3, 20))
    close_due(here)
    create_resource(here, web, "vm.small", tenant=None)
    assert len(theirs(here, account)) == 2
    clock.set(day(4, 5, 1))
    close_due(here)
    # One of 31 days is 0.23, of 7.00 paid in advance; 16 of 31 days of March's period are 3.61.
    assert bills(here, account) == [
        ("2026-01-05", 700),
        ("2026-02-05", 23 - 700),
        ("2026-04-05", 361 + 700),
    ]


def test_a_payer_who_is_switched_to_begins_then(here: Installation, clock: FrozenClock) -> None:
    account, web = project(here)
    clock.set(day(1, 3))
    create_resource(here, web, "vm.small", tenant=None)
    with here.store.read() as tx:
        [owner] = {one.organization for one in subscriptions.of_account(tx, account)}
    lab = create_billing_account(here, owner, "Lab", tenant=None)
    subscribe(here, lab.id, "free")
    clock.set(day(1, 10))
    switch_payer(here, web, lab.id, tenant=None)
    assert theirs(here, lab.id)[-1].started_at == day(1, 10)
    assert bills(here, lab.id) == [("2026-01-10", 700)]


def test_an_organization_that_a_project_moves_to_begins_then(
    here: Installation, clock: FrozenClock
) -> None:
    """Moved on January 11 with a machine of January 3; the former payer's anchor is the 3rd."""
    account, web = project(here)
    zeta = create_organization(here, "Zeta")
    clock.set(day(1, 3))
    create_resource(here, web, "vm.small", tenant=None)
    clock.set(day(1, 11))
    move_project(here, web, zeta.id)
    before, after = theirs(here, zeta.billing_account)
    assert before.ended_at == after.started_at == after.anchor == day(1, 11)
    assert after.phases[-1].plan == "free"
    quoted = quote_creation(here, web, "vm.small", tenant=zeta.id, at=day(1, 21))
    assert quoted.payer.begins is False
    assert quoted.first_charge is not None
    # 21 of the 31 days of its period, 4.74, and the next one.
    assert (quoted.first_charge.dated, quoted.first_charge.amount) == (day(2, 11), 474 + 700)
    clock.set(day(1, 21))
    create_resource(here, web, "vm.small", tenant=None)
    clock.set(day(2, 11, 1))
    close_due(here)
    assert bills(here, zeta.billing_account) == [
        ("2026-01-11", 700),
        ("2026-02-11", 700 + 474 + 700),
    ]
    # Eight of 31 days are 1.81, of 7.00 that was paid in advance.
    assert bills(here, account) == [("2026-01-03", 700), ("2026-02-03", 181 - 700)]


def test_a_move_that_is_dated_back_begins_when_it_happened(
    here: Installation, clock: FrozenClock
) -> None:
    """Nothing was in it when it moved; what is dated before that is the former one's."""
    account, web = project(here)
    zeta = create_organization(here, "Zeta")
    clock.set(day(1, 15))
    move_project(here, web, zeta.id, at=day(1, 9, 12))
    assert len(theirs(here, zeta.billing_account)) == 1
    before_it = quote_creation(here, web, "vm.small", tenant=None, at=day(1, 8))
    assert (before_it.payer.account.id, before_it.payer.begins) == (account, True)
    after_it = quote_creation(here, web, "vm.small", tenant=None, at=day(1, 10))
    assert (after_it.payer.account.id, after_it.payer.begins) == (zeta.billing_account, True)
    for quoted in (before_it, after_it):
        assert quoted.first_charge is not None
        assert (quoted.first_charge.dated, quoted.first_charge.amount) == (quoted.at, 700)
    late = create_resource(here, web, "vm.small", tenant=None, at=day(1, 10))
    assert late.organization == zeta.id
    assert bills(here, zeta.billing_account) == [("2026-01-10", 700)]
    assert len(theirs(here, account)) == 1


def test_what_was_there_before_a_move_begins_a_period_of_each(
    here: Installation, clock: FrozenClock
) -> None:
    """An event of January 8 comes after the move of the 9th: each organization begins its own."""
    account, web = project(here)
    zeta = create_organization(here, "Zeta")
    clock.set(day(1, 9))
    move_project(here, web, zeta.id)
    clock.set(day(1, 15))
    create_resource(here, web, "vm.small", tenant=None, at=day(1, 8))
    assert bills(here, account) == [("2026-01-08", 700)]
    assert bills(here, zeta.billing_account) == [("2026-01-09", 700)]
    clock.set(day(2, 9, 1))
    close_due(here)
    # One of 31 days is 0.23.
    assert bills(here, account) == [("2026-01-08", 700), ("2026-02-08", 23 - 700)]
    assert bills(here, zeta.billing_account)[1:] == [("2026-02-09", 700)]


def test_a_payer_who_pays_already_goes_on_when_a_project_comes(
    here: Installation, clock: FrozenClock
) -> None:
    account, web = project(here)
    zeta = create_organization(here, "Zeta")
    own = create_project(here, zeta.id, "own", tenant=None).id
    clock.set(day(1, 3))
    for one in (web, own):
        create_resource(here, one, "vm.small", tenant=None)
    clock.set(day(1, 11))
    move_project(here, web, zeta.id)
    assert len(theirs(here, zeta.billing_account)) == 2
    clock.set(day(2, 3, 1))
    close_due(here)
    # 23 of 31 days are 5.19.
    assert bills(here, zeta.billing_account) == [
        ("2026-01-03", 700),
        ("2026-02-03", 1400 + 519),
    ]
    assert bills(here, account) == [("2026-01-03", 700), ("2026-02-03", 181 - 700)]


def test_what_was_closed_already_is_billed_in_arrears(
    here: Installation, clock: FrozenClock
) -> None:
    account, web = project(here)
    clock.set(day(2, 2))
    close_due(here)
    create_resource(here, web, "vm.small", tenant=None, at=day(1, 31))
    assert len(theirs(here, account)) == 1
    clock.set(day(3, 1, 1))
    close_due(here)
    # January's last day is 0.23; February is a whole month; March is paid in advance.
    assert bills(here, account) == [("2026-03-01", 23 + 700 + 700)]


def test_where_a_provider_collects_nothing_begins_by_itself(
    here: Installation, clock: FrozenClock
) -> None:
    collecting = replace(here, settings=Settings(collects=True, start_free=True))
    account, web = project(collecting)
    clock.advance(timedelta(days=3))
    create_resource(collecting, web, "vm.small", tenant=None)
    assert len(theirs(collecting, account)) == 1
    assert bills(collecting, account) == []


@pytest.fixture
def trade(installation: Installation) -> Iterator[Trade]:
    with running_sandbox(frozen=START) as sandbox:
        trade = Trade(installation, sandbox, WITH_FREE_TYPE)
        yield trade
        assert reconcile(installation, trade.books) == []


def test_resources_on_a_free_plan_are_bought_and_renew(trade: Trade) -> None:
    acme = trade.tenant()
    subscribe(trade.installation, acme.id, "free")
    with pytest.raises(Invalid, match="pays for no resource"):
        trade.buy(acme, "free")
    web = create_project(trade.installation, acme.organization, "web", tenant=None).id
    first = create_resource(trade.installation, web, "vm.small", tenant=None)
    trade.complete(trade.buy(acme, "free"))
    trade.go(day(1, 11))
    second = create_resource(trade.installation, web, "vm.small", tenant=None)
    trade.go(day(2, 15))
    delete_resource(trade.installation, first.id, tenant=None)
    trade.go(day(3, 1, 2))
    delete_resource(trade.installation, second.id, tenant=None)
    trade.go(day(3, 16))
    assert [item.quantity for item in trade.there(acme).items] == [0]
    create_resource(trade.installation, web, "vm.small", tenant=None)
    trade.go(day(4, 1, 2))
    assert trade.bills(acme) == [
        # January: 7.00 ahead, then 21 of 31 days of the second one, 4.74.
        ("2026-01-01", 700, "paid"),
        ("2026-02-01", 474 + 1400, "paid"),
        # February was paid for two and had one, and the other for half of it: 10.50.
        ("2026-03-01", 1050 - 1400 + 700, "paid"),
        # March had one for two hours and for 16 days: 386 of 744 hours are 3.63.
        ("2026-04-01", 363 - 700 + 700, "paid"),
    ]
    assert trade.subscription(acme).phases[-1].plan == "free"


def test_from_resources_alone_to_a_plan_and_back(trade: Trade) -> None:
    acme = trade.tenant()
    subscribe(trade.installation, acme.id, "free")
    web = create_project(trade.installation, acme.organization, "web", tenant=None).id
    create_resource(trade.installation, web, "vm.small", tenant=None)
    trade.complete(trade.buy(acme, "free"))
    trade.go(day(1, 16, 12))
    mine = trade.subscription(acme).id
    change_plan(trade.installation, mine, "basic")
    trade.work()
    trade.go(day(2, 10))
    change_plan(trade.installation, mine, "free")
    trade.go(day(4, 1, 5))
    trade.go(day(4, 1, 8))
    told = trade.bills(acme)
    # On the 16th at noon half of January is left: 5.00. The plan ends with February; its resource
    # goes on, billed at each boundary on an invoice of its own.
    assert told == [
        ("2026-01-01", 700, "paid"),
        ("2026-01-16", 500, "paid"),
        ("2026-02-01", 1000 + 700, "paid"),
        ("2026-03-01", 700, "paid"),
        ("2026-04-01", 700, "paid"),
    ]

"""A payer who was announced begins when the instant comes; amounts computed by hand."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.workflows.free_payers import WITH_FREE_TYPE, bills, day, project, theirs
from tests.workflows.stripe_account import START
from tests.workflows.trade import Trade

from tallygate.adapters.store import Store, subscriptions
from tallygate.core.errors import Invalid
from tallygate.core.failpoints import armed
from tallygate.core.ids import IdSource
from tallygate.testing import FrozenClock, repeatable_bits
from tallygate.workflows.accounts import (
    create_billing_account,
    create_organization,
    create_project,
    switch_payer,
)
from tallygate.workflows.close import close_due, close_some
from tallygate.workflows.installation import Installation, Settings
from tallygate.workflows.mirror.carry_out import Account
from tallygate.workflows.mirror.reconcile import reconcile
from tallygate.workflows.operate import create_resource
from tallygate.workflows.project_moves import move_project
from tallygate.workflows.publish import apply
from tallygate.workflows.subscribe import subscribe
from tallygate_sandbox.testing import running_sandbox


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(day(1, 1))


@pytest.fixture
def here(store: Store, clock: FrozenClock) -> Installation:
    ids = IdSource(clock, repeatable_bits("each"))
    installation = Installation(store, clock, ids, Settings(start_free=True))
    apply(installation, WITH_FREE_TYPE)
    return installation


@pytest.fixture
def trade(installation: Installation) -> Iterator[Trade]:
    with running_sandbox(frozen=START) as sandbox:
        trade = Trade(installation, sandbox, WITH_FREE_TYPE)
        yield trade
        assert reconcile(installation, trade.books) == []


def lab_of(here: Installation, account: str) -> str:
    """Another account of the organization that has this one, on the plan that costs nothing."""
    with here.store.read() as tx:
        [owner] = {one.organization for one in subscriptions.of_account(tx, account)}
    lab = create_billing_account(here, owner, "Lab", tenant=None).id
    subscribe(here, lab, "free")
    return lab


def test_a_payer_who_is_announced_begins_when_the_instant_comes(
    here: Installation, clock: FrozenClock
) -> None:
    account, web = project(here)
    clock.set(day(1, 3))
    create_resource(here, web, "vm.small", tenant=None)
    lab = lab_of(here, account)
    switch_payer(here, web, lab, tenant=None, at=day(1, 10, 9))
    for then in (day(1, 3, 1), day(1, 10, 8)):
        clock.set(then)
        assert close_due(here) == []
        assert (len(theirs(here, lab)), bills(here, lab)) == (1, [])
    clock.set(day(1, 10, 9))
    assert close_due(here, commit=False) == []
    assert len(theirs(here, lab)) == 1
    close_due(here)
    before, after = theirs(here, lab)
    assert before.ended_at == after.started_at == after.anchor == day(1, 10, 9)
    assert bills(here, lab) == [("2026-01-10", 700)]
    close_due(here)
    assert len(theirs(here, lab)) == 2
    clock.set(day(2, 10, 10))
    close_due(here)
    assert bills(here, lab) == [("2026-01-10", 700), ("2026-02-10", 700)]
    # The former payer had it for 7.375 of 31 days, of 7.00 that was paid in advance: 1.67.
    assert bills(here, account) == [("2026-01-03", 700), ("2026-02-03", 167 - 700)]


def test_an_announced_payer_begins_then_however_late_the_worker_is(
    here: Installation, clock: FrozenClock
) -> None:
    """The worker stands still over a boundary: nothing is billed in arrears for that."""
    account, web = project(here)
    clock.set(day(1, 3))
    create_resource(here, web, "vm.small", tenant=None)
    lab = lab_of(here, account)
    switch_payer(here, web, lab, tenant=None, at=day(1, 10))
    clock.set(day(2, 20))
    close_due(here)
    assert theirs(here, lab)[-1].anchor == day(1, 10)
    assert bills(here, lab) == [("2026-01-10", 700), ("2026-02-10", 700)]


def test_an_announcement_that_fell_away_begins_nothing(
    here: Installation, clock: FrozenClock
) -> None:
    account, web = project(here)
    zeta = create_organization(here, "Zeta")
    clock.set(day(1, 3))
    create_resource(here, web, "vm.small", tenant=None)
    lab = lab_of(here, account)
    switch_payer(here, web, lab, tenant=None, at=day(1, 10))
    clock.set(day(1, 7))
    move_project(here, web, zeta.id)
    clock.set(day(1, 11))
    close_due(here)
    assert (len(theirs(here, lab)), bills(here, lab)) == (1, [])
    assert bills(here, zeta.billing_account) == [("2026-01-07", 700)]


def test_what_stands_in_an_announcements_way_is_told_and_tried_again(
    here: Installation, clock: FrozenClock
) -> None:
    account, web = project(here)
    clock.set(day(1, 3))
    create_resource(here, web, "vm.small", tenant=None)
    lab = lab_of(here, account)
    switch_payer(here, web, lab, tenant=None, at=day(1, 10))
    clock.set(day(1, 10))

    def die() -> None:
        raise ZeroDivisionError

    with armed("announced.commit.before", die):
        told = close_some(here)
    assert [told.invoices, len(told.problems), len(theirs(here, lab))] == [[], 1, 1]
    assert "A mistake of ours" in told.problems[0]
    close_due(here)
    assert bills(here, lab) == [("2026-01-10", 700)]


def test_at_stripe_an_announced_payer_is_counted_when_the_instant_comes(trade: Trade) -> None:
    """Both pay at Stripe already; the machine passes from the one to the other on January 11."""
    here = trade.installation
    acme = trade.subscribed("machines")
    account = create_billing_account(here, acme.organization, "Lab", tenant=None)
    lab = Account(account.id, acme.organization)
    trade.complete(trade.buy(lab, "machines"))
    trade.work()
    web = create_project(here, acme.organization, "web", tenant=None).id
    create_resource(here, web, "vm.small", tenant=None)
    switch_payer(here, web, lab.id, tenant=None, at=day(1, 11))
    trade.go(day(1, 10))
    assert [quantities(trade, one) for one in (acme, lab)] == [[1], []]
    trade.go(day(1, 11, 1))
    assert [quantities(trade, one) for one in (acme, lab)] == [[0], [1]]
    trade.go(day(2, 1, 2))
    # Ten of 31 days are 2.26, and 21 days 4.74.
    assert trade.bills(acme) == [
        ("2026-01-01", 500, "paid"),
        ("2026-02-01", 500 + 226, "paid"),
    ]
    assert trade.bills(lab) == [
        ("2026-01-01", 500, "paid"),
        ("2026-02-01", 500 + 474 + 700, "paid"),
    ]


def test_at_stripe_an_announced_payer_buys_what_begins_then(trade: Trade) -> None:
    """Nothing begins by itself where somebody has to pay; from the instant on it can be bought."""
    here = replace(trade.installation, settings=Settings(collects=True))
    trade.installation = here
    acme = trade.subscribed("machines")
    web = create_project(here, acme.organization, "web", tenant=None).id
    create_resource(here, web, "vm.small", tenant=None)
    account = create_billing_account(here, acme.organization, "Lab", tenant=None)
    lab = Account(account.id, acme.organization)
    subscribe(here, lab.id, "free")
    switch_payer(here, web, lab.id, tenant=None, at=day(1, 11))
    trade.go(day(1, 10))
    with pytest.raises(Invalid, match="pays for no resource"):
        trade.buy(lab, "free")
    trade.go(day(1, 11))
    assert bills(here, lab.id) == []
    trade.complete(trade.buy(lab, "free"))
    trade.go(day(2, 11, 2))
    assert trade.bills(lab) == [("2026-01-11", 700, "paid"), ("2026-02-11", 700, "paid")]
    assert trade.bills(acme) == [("2026-01-01", 500, "paid"), ("2026-02-01", 726, "paid")]


def quantities(trade: Trade, account: Account) -> list[int]:
    """Of machines, on an account's subscription at Stripe."""
    return [item.quantity for item in trade.there(account).items if item.key == "small"]

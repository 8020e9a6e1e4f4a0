"""A project with billing of its own that is set up afterwards runs for a stated term (row E4)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.workflows.trading import SHOP

from tallygate.adapters.store import customers, mirrors
from tallygate.collection.records import Mirror
from tallygate.core.errors import Conflict
from tallygate.testing import FrozenClock, memory_installation
from tallygate.workflows.accounts import (
    create_billing_account,
    create_organization,
    create_project,
)
from tallygate.workflows.change import cancel
from tallygate.workflows.ingest import Incoming, ingest
from tallygate.workflows.installation import Installation, Settings
from tallygate.workflows.operate import create_resource
from tallygate.workflows.publish import apply
from tallygate.workflows.subscribe import subscribe

TERM = timedelta(days=14)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def here(clock: FrozenClock) -> Iterator[Installation]:
    with memory_installation(clock, Settings(collects=True)) as installation:
        apply(installation, SHOP.replace("resources:\n", "resources:\n  vm.free: {}\n"))
        yield installation


def lab(here: Installation) -> tuple[str, str]:
    acme = create_organization(here, "Acme")
    payer = create_billing_account(here, acme.id, "Lab", tenant=None)
    home = create_project(here, acme.id, "lab", tenant=None, billing_account=payer.id)
    return payer.id, home.id


def test_after_the_term_no_further_one_that_costs_something(
    here: Installation, clock: FrozenClock
) -> None:
    _, home = lab(here)
    create_resource(here, home, "vm.small", tenant=None)
    clock.advance(TERM - timedelta(seconds=1))
    create_resource(here, home, "vm.small", tenant=None)
    clock.advance(timedelta(seconds=1))
    with pytest.raises(Conflict, match="bought nothing yet") as refused:
        create_resource(here, home, "vm.small", tenant=None)
    assert refused.value.reason == "purchase_needed"
    create_resource(here, home, "vm.free", tenant=None)
    told = Incoming(
        id="1",
        source="vms",
        type="resource.created",
        subject="vm-9",
        data={"project": home, "type": "vm.small"},
    )
    assert ingest(here, [told]).accepted == 1


def test_who_has_bought_goes_on(here: Installation, clock: FrozenClock) -> None:
    payer, home = lab(here)
    create_resource(here, home, "vm.small", tenant=None)
    clock.advance(TERM)
    mine, _ = subscribe(here, payer, "free")
    with pytest.raises(Conflict):
        create_resource(here, home, "vm.small", tenant=None)
    with here.store.write() as tx:
        customers.link(tx, payer, mine.organization, "cus_1", email=None, at=here.now)
        linked = Mirror(mine.id, mine.organization, payer, "sub_1", "active", here.now)
        mirrors.add(tx, linked)
    create_resource(here, home, "vm.small", tenant=None)


def test_who_is_billed_elsewhere_goes_on(here: Installation, clock: FrozenClock) -> None:
    payer, home = lab(here)
    create_resource(here, home, "vm.small", tenant=None)
    subscribe(here, payer, "basic", collect=False)
    clock.advance(TERM)
    create_resource(here, home, "vm.small", tenant=None)


def test_what_has_ended_is_bought_no_more(here: Installation, clock: FrozenClock) -> None:
    payer, home = lab(here)
    create_resource(here, home, "vm.small", tenant=None)
    mine, _ = subscribe(here, payer, "basic", collect=False)
    clock.advance(TERM)
    create_resource(here, home, "vm.small", tenant=None)
    cancel(here, mine.id)
    clock.advance(timedelta(days=31))
    with pytest.raises(Conflict, match="bought nothing yet"):
        create_resource(here, home, "vm.small", tenant=None)


def test_where_nothing_is_collected_there_is_no_term(
    here: Installation, clock: FrozenClock
) -> None:
    alone = replace(here, settings=Settings())
    _, home = lab(alone)
    create_resource(alone, home, "vm.small", tenant=None)
    clock.advance(TERM)
    create_resource(alone, home, "vm.small", tenant=None)

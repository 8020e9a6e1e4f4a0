"""Everyone starts on the free plan (row C13); what costs something is collected by somebody."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tallygate.adapters.store import accounts, customers, subscriptions
from tallygate.core.errors import Conflict
from tallygate.core.failpoints import armed
from tallygate.testing import FrozenClock, memory_installation
from tallygate.workflows.accounts import create_billing_account, create_organization
from tallygate.workflows.change import change_plan
from tallygate.workflows.close import close_due
from tallygate.workflows.installation import Installation, Settings
from tallygate.workflows.publish import apply
from tallygate.workflows.subscribe import subscribe

CATALOG = """
name: shop
currency: usd
plans:
  basic: {name: Basic, prices: [{key: basic, flat: "9.00", every: month}]}
  free: {name: Free}
  gratis: {name: Gratis}
"""
SEVERAL = CATALOG.replace("usd", "[usd, eur]").replace('"9.00"', '{usd: "9.00", eur: "8.00"}')


@pytest.fixture
def here() -> Iterator[Installation]:
    with memory_installation(FrozenClock(), Settings(start_free=True)) as installation:
        yield installation


def theirs(here: Installation, account: str) -> tuple[Any, ...]:
    with here.store.read() as tx:
        return subscriptions.of_account(tx, account)


def test_everyone_starts_on_the_first_free_plan(here: Installation) -> None:
    apply(here, CATALOG)
    made = create_organization(here, "Ada")
    [free] = theirs(here, made.billing_account)
    assert (free.phases[-1].plan, free.started_at) == ("free", here.now)
    further = create_billing_account(here, made.id, "Labs", tenant=None)
    assert theirs(here, further.id) == ()


@pytest.mark.parametrize("text", [None, CATALOG.replace("  free: {name: Free}\n", "")])
def test_where_there_is_none_nobody_is_subscribed(text: str | None, here: Installation) -> None:
    if text is not None:
        apply(here, text.replace("  gratis: {name: Gratis}\n", ""))
    assert theirs(here, create_organization(here, "Ada").billing_account) == ()


def test_it_is_a_setting(here: Installation) -> None:
    apply(here, CATALOG)
    without = replace(here, settings=Settings())
    assert theirs(here, create_organization(without, "Ada").billing_account) == ()


def test_who_stops_halfway_has_neither(here: Installation) -> None:
    apply(here, CATALOG)

    def stop() -> None:
        raise RuntimeError("the world stops here")

    with armed("organization.commit.before", stop), pytest.raises(RuntimeError):
        create_organization(here, "Ada")
    with here.store.read() as tx:
        assert accounts.list_organizations(tx, None) == ()
        assert subscriptions.page(tx, None) == ()


def test_the_currency_stays_open_where_there_are_several(here: Installation) -> None:
    apply(here, SEVERAL)
    made = create_organization(here, "Ada")
    begun, invoice = subscribe(here, made.billing_account, "basic", currency="eur")
    assert invoice is not None
    assert (begun.currency, invoice.total) == ("eur", 800)


@pytest.mark.parametrize("days", [-40, 0, 3])
def test_what_costs_something_takes_the_place_of_what_is_free(
    days: int, here: Installation
) -> None:
    apply(here, CATALOG)
    made = create_organization(here, "Ada")
    clock = here.clock
    assert isinstance(clock, FrozenClock)
    start = clock.now() + timedelta(days=days)
    clock.set(max(start, clock.now()))
    begun, _ = subscribe(here, made.billing_account, "basic", at=start)
    free, mine = sorted(theirs(here, made.billing_account), key=lambda one: one.phases[0].plan)[
        ::-1
    ]
    assert (mine.id, mine.started_at, mine.ended_at) == (begun.id, start, None)
    assert free.ended_at == max(start, free.started_at)
    clock.set(datetime(2026, 2, 20, tzinfo=UTC))
    closed = close_due(here)
    assert {one.subscription for one in closed} == {begun.id}
    assert {one.total for one in closed} == {900}
    assert all(one.closed for one in theirs(here, made.billing_account) if one.id == free.id)
    with pytest.raises(Conflict, match="already"):
        subscribe(here, made.billing_account, "basic")


def test_free_does_not_take_the_place_of_anything(here: Installation) -> None:
    apply(here, CATALOG)
    made = create_organization(here, "Ada")
    for plan in ("free", "gratis"):
        with pytest.raises(Conflict, match="already"):
            subscribe(here, made.billing_account, plan)


def test_a_plan_that_is_to_come_is_in_the_way_too(here: Installation) -> None:
    apply(here, CATALOG)
    made = create_organization(here, "Ada")
    [free] = theirs(here, made.billing_account)
    change_plan(here, free.id, "basic", when="period_end")
    with pytest.raises(Conflict, match="already"):
        subscribe(here, made.billing_account, "basic")


def test_somebody_collects_what_costs_something_and_nobody_twice(here: Installation) -> None:
    apply(here, CATALOG)
    collecting = replace(here, settings=Settings(collects=True, start_free=True))
    made = create_organization(collecting, "Ada")
    account, [free] = made.billing_account, theirs(here, made.billing_account)
    with pytest.raises(Conflict, match="checkout") as refused:
        subscribe(collecting, account, "basic")
    assert refused.value.reason == "purchase_needed"
    for commit in (True, False):
        with pytest.raises(Conflict, match="checkout") as refused:
            change_plan(collecting, free.id, "basic", commit=commit)
        assert refused.value.reason == "purchase_needed"
    assert change_plan(collecting, free.id, "gratis", commit=False).invoice is None
    with collecting.store.write() as tx:
        customers.link(tx, account, made.id, "cus_1", email=None, at=collecting.now)
    with pytest.raises(Conflict, match="cus_1"):
        subscribe(collecting, account, "basic", collect=False)
    with pytest.raises(Conflict, match="cus_1") as refused:
        change_plan(collecting, free.id, "basic", collect=False)
    assert refused.value.reason == "collected_already"
    other = create_organization(collecting, "Bea")
    assert subscribe(collecting, other.billing_account, "basic", collect=False)[1] is not None

"""What something would cost: every amount was computed by hand."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.conftest import raw_connection

from tallygate.core.errors import Conflict, Invalid, NotFound
from tallygate.core.quantity import plain
from tallygate.workflows.accounts import create_billing_account, create_project
from tallygate.workflows.questions.estimate import Estimate
from tallygate.workflows.questions.quote_plan import quote_plan
from tallygate.workflows.questions.quote_resource import (
    quote_creation,
    quote_deletion,
    quote_resize,
)
from tallygate.workflows.subscribe import subscribe

CATALOG = """
name: test
currency: usd
meters:
  vcpu_hours: {event: resource, value: running * vcpu, aggregation: time_weighted, unit: hour}
plans:
  free: {name: Free}
  base:
    name: Base
    prices:
      - {key: base_monthly, flat: "31.00", every: month}
      - {key: base_annual, flat: "310.00", every: year}
      - {key: vcpu_used, meter: vcpu_hours, included: 744, per_unit: "0.01"}
  plus:
    name: Plus
    trial_days: 14
    prices: [{key: plus_monthly, flat: "62.00", every: month}]
prices:
  - {key: vm_monthly, per_unit: "31.00", every: month}
  - {key: big_monthly, every: month, graduated: [{up_to: 1, unit: "62.00"}, {unit: "31.00"}]}
resources:
  vm: {price: vm_monthly, spec: {vcpu: 2}}
  big: {price: big_monthly, spec: {vcpu: 4}}
  tag: {}
"""


def at(month: int, day: int, hour: int = 0) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def more(estimate: Estimate) -> list[tuple[str, int]]:
    assert estimate.first_charge is not None
    return [(one.line.price, one.more) for one in estimate.first_charge.differences]


@pytest.fixture
def acme(platform: Any) -> Any:
    """An organization with a project."""
    platform.publish(CATALOG)
    made = platform.tenant()
    create_project(platform.installation, made.id, "one", tenant=None, external_id="p1")
    return made


@pytest.mark.usefixtures("acme")
def test_a_new_resource_pays_its_rest_and_the_next_month(platform: Any, acme: Any) -> None:
    """E7, E6: 21 of 31 days, and February in advance; its hours are within what is included."""
    subscribe(platform.installation, acme.billing_account, "base")
    platform.clock.set(at(1, 11))
    found = quote_creation(platform.installation, "p1", "vm", tenant=None)
    assert found.payer.account.id == acme.billing_account
    assert (found.payer.plan, found.payer.begins) == ("base", False)
    assert found.payer.why == "The project names no payer: its organization's own account pays."
    assert found.first_charge is not None
    assert (found.first_charge.dated, found.first_charge.amount) == (at(2, 1), 5464)
    # 2 vCPU for 21 days are 1008 hours, 744 are included.
    assert more(found) == [("vm_monthly", 3100), ("vm_monthly", 2100), ("vcpu_used", 264)]
    assert found.monthly is not None
    # All of February: 2 vCPU for 28 days are 1344 hours.
    assert (found.monthly.period.start, found.monthly.amount) == (at(2, 1), 3100 + 600)
    [allowance] = found.allowances
    assert [plain(n) for n in allowance[3:6]] == ["744", "0", "744"]
    assert [(one.price.key, one.description) for one in found.prices] == [
        ("vcpu_used", ("744 hours included", "0.01 USD for each hour")),
        ("vm_monthly", ("31.00 USD for each resource a month",)),
    ]


def test_on_each_database(each_platform: Any) -> None:
    platform = each_platform
    platform.publish(CATALOG)
    acme = platform.tenant()
    create_project(platform.installation, acme.id, "one", tenant=None, external_id="p1")
    subscribe(platform.installation, acme.billing_account, "base")
    platform.send("resource.created", at(1, 1), {"project": "p1", "type": "big"}, "b1")
    platform.clock.set(at(1, 11))
    found = quote_creation(platform.installation, "p1", "big", tenant=None, count=2)
    # The second and the third are 31.00 each: 42.00 for 21 days, 62.00 for February. Of the hours
    # 8 vCPU for 504 are 4032, all beyond what the first one uses up.
    assert more(found) == [("big_monthly", 6200), ("big_monthly", 4200), ("vcpu_used", 4032)]
    [used] = [one for one in found.allowances if one.price == "vcpu_used"]
    assert (used.used, used.left) == (Decimal(960), Decimal(0))


@pytest.mark.usefixtures("acme")
def test_nothing_is_stored(platform: Any, acme: Any) -> None:
    here = platform.installation
    subscribe(here, acme.billing_account, "base")
    platform.send("resource.created", at(1, 1), {"project": "p1", "type": "vm"}, "vm-1")
    before = raw_connection(here.store).serialize()
    quote_creation(here, "p1", "vm", tenant=None)
    quote_resize(here, "vm-1", tenant=None, type="big")
    quote_deletion(here, "vm-1", tenant=None)
    quote_plan(here, "acme", "plus", tenant=None)
    assert raw_connection(here.store).serialize() == before


@pytest.mark.usefixtures("acme")
def test_a_resize_and_a_deletion_are_quoted_as_differences(platform: Any, acme: Any) -> None:
    here = platform.installation
    platform.send("resource.created", at(1, 1), {"project": "p1", "type": "vm"}, "vm-1")
    subscribe(here, acme.billing_account, "base")
    platform.clock.set(at(1, 11))
    grown = quote_resize(here, "vm-1", tenant=None, type="big")
    # 21 days of 62.00 in place of 31.00, the same for February, and 2 vCPU more for 504 hours,
    # of 1488 that are beyond what is included already.
    assert more(grown) == [
        ("big_monthly", 6200),
        ("vm_monthly", -2100),
        ("big_monthly", 4200),
        ("vcpu_used", 1008),
        ("vm_monthly", -3100),
    ]
    assert grown.monthly is not None
    assert grown.monthly.amount == 3100 + 1344
    gone = quote_deletion(here, "vm-1", tenant=None)
    assert gone.act == "delete"
    # 2 vCPU for 240 hours stay, which are included: all that was beyond falls away.
    assert more(gone) == [("vm_monthly", -2100), ("vcpu_used", -744), ("vm_monthly", -3100)]
    with pytest.raises(Conflict, match=r"is not there at 2025-12-31"):
        quote_deletion(here, "vm-1", tenant=None, at=datetime(2025, 12, 31, tzinfo=UTC))


@pytest.mark.parametrize("plan", ["free", None])
def test_a_first_priced_resource_begins_a_full_period(
    platform: Any, acme: Any, plan: str | None
) -> None:
    """The calendar starts at that instant, without proration."""
    here = platform.installation
    if plan is not None:
        subscribe(here, acme.billing_account, plan)
    platform.clock.set(at(1, 11, 7))
    found = quote_creation(here, "p1", "vm", tenant=None, count=2)
    assert found.payer.begins
    assert found.first_charge is not None
    assert (found.first_charge.dated, found.first_charge.amount) == (at(1, 11, 7), 6200)
    assert found.monthly is not None
    assert str(found.monthly.period) == "2026-01-11T07:00:00Z to 2026-02-11T07:00:00Z"
    assert found.monthly.amount == 6200
    tag = quote_creation(here, "p1", "tag", tenant=None)
    assert (tag.payer.begins, tag.is_free, tag.first_charge) == (False, True, None)
    assert tag.notes == ("The type tag has no price: it is free of charge.",)


def test_without_a_free_plan_it_is_said_what_the_amount_means(platform: Any) -> None:
    platform.publish(CATALOG.replace("  free: {name: Free}\n", ""))
    made = platform.tenant()
    create_project(platform.installation, made.id, "one", tenant=None, external_id="p1")
    found = quote_creation(platform.installation, "p1", "vm", tenant=None)
    assert found.first_charge is not None
    assert (found.payer.plan, found.payer.subscription) == (None, None)
    assert found.first_charge.amount == 3100
    assert found.notes[0].startswith("The account that will be charged has no subscription")


@pytest.mark.usefixtures("acme")
def test_a_plan_is_quoted_as_the_change_comes(platform: Any, acme: Any) -> None:
    """E7, E11: an upgrade at once, anything else at the period's end; a year by twelfths."""
    here = platform.installation
    begun = quote_plan(here, "acme", "base", "year", tenant=None)
    assert begun.payer.begins
    assert more(begun) == [("base_annual", 31000)]
    assert begun.monthly is not None
    assert begun.monthly.amount == 2583
    trial = quote_plan(here, "acme", "plus", tenant=None)
    assert trial.first_charge is not None
    assert trial.first_charge.amount == 0
    assert trial.notes == (
        "The trial lasts until 2026-01-15T00:00:00Z: nothing is charged for the time before.",
    )
    assert trial.monthly is not None
    assert (trial.monthly.period.start, trial.monthly.amount) == (at(1, 15), 6200)
    subscribe(here, acme.billing_account, "base")
    platform.clock.set(at(1, 11))
    up = quote_plan(here, "acme", "plus", tenant=None)
    assert more(up) == [("base_monthly", -2100), ("plus_monthly", 4200)]
    assert up.first_charge is not None
    assert (up.first_charge.dated, up.first_charge.reason) == (at(1, 11), "change")
    assert up.monthly is not None
    assert up.monthly.amount == 3100
    down = quote_plan(here, "acme", "free", tenant=None)
    assert down.notes == (
        "The change comes on 2026-02-01T00:00:00Z, at the end of the base's period.",
    )
    assert more(down) == [("base_monthly", -3100)]
    assert [(one.price, one.left) for one in up.allowances] == [("vcpu_used", Decimal(744))]


@pytest.mark.usefixtures("acme")
def test_what_cannot_be_quoted_is_refused(platform: Any, acme: Any) -> None:
    here = platform.installation
    create = quote_creation
    with pytest.raises(NotFound, match=r"There is no project 'p2'"):
        create(here, "p2", "vm", tenant=None)
    with pytest.raises(NotFound, match=r"There is no project 'p1'"):
        create(here, "p1", "vm", tenant="org_another")
    with pytest.raises(NotFound, match=r"There is no resource 'vm-9'"):
        quote_deletion(here, "vm-9", tenant=None)
    with pytest.raises(Invalid, match=r"has no resource type 'cat'; it has: big, tag, vm"):
        create(here, "p1", "cat", tenant=None)
    for count in (0, -1, 1001):
        with pytest.raises(Invalid, match=r"count must be a whole number from 1 to 1000"):
            create(here, "p1", "vm", tenant=None, count=count)
    with pytest.raises(Invalid, match=r"more than 400 days ago"):
        create(here, "p1", "vm", tenant=None, at=datetime(2024, 1, 1, tzinfo=UTC))
    with pytest.raises(Invalid, match=r"more than 366 days ahead"):
        create(here, "p1", "vm", tenant=None, at=datetime(2028, 1, 1, tzinfo=UTC))
    with pytest.raises(Invalid, match=r"Say what changes"):
        quote_resize(here, "vm-9", tenant=None)
    with pytest.raises(Invalid, match=r"There is no plan 'huge'"):
        quote_plan(here, "acme", "huge", tenant=None)
    with pytest.raises(NotFound):
        quote_plan(here, "acme", "base", tenant="org_another")
    with pytest.raises(Invalid, match=r"no prices in eur"):
        create(here, "p1", "vm", tenant=None, currency="eur")
    assert acme.id


TWO = """
name: test
currency: [eur, usd]
plans:
  free: {name: Free}
  base: {name: Base, prices: [{key: base, flat: {eur: "10.00", usd: "11.00"}, every: month}]}
prices:
  - {key: vm_monthly, per_unit: {eur: "31.00", usd: "33.00"}, every: month}
resources:
  vm: {price: vm_monthly}
"""


def test_the_payers_currency_counts(platform: Any) -> None:
    """A price list that dropped a currency still has accounts that pay in it."""
    here = platform.installation
    platform.publish(TWO)
    acme = platform.tenant()
    own = create_billing_account(here, acme.id, "own", tenant=None)
    create_project(here, acme.id, "one", tenant=None, external_id="p1", billing_account=own.id)
    with pytest.raises(Invalid, match=r"Say in which currency: eur, usd"):
        quote_creation(here, "p1", "vm", tenant=None)
    asked = quote_creation(here, "p1", "vm", tenant=None, currency="eur")
    assert (asked.payer.currency, asked.payer.account.id) == ("eur", own.id)
    assert asked.payer.why.startswith("The project has named this payer since 2026-01-01T00:00:00")
    subscribe(here, own.id, "base", currency="usd")
    assert quote_creation(here, "p1", "vm", tenant=None).payer.currency == "usd"
    with pytest.raises(Conflict, match=r"pays in usd, as its first subscription did"):
        quote_creation(here, "p1", "vm", tenant=None, currency="eur")
    platform.publish(
        TWO.replace("[eur, usd]", "eur")
        .replace('{eur: "10.00", usd: "11.00"}', '"10.00"')
        .replace('{eur: "31.00", usd: "33.00"}', '"31.00"')
        .replace(
            "  vm: {price: vm_monthly}", "  vm: {price: vm_monthly}\n  lb: {price: lb_monthly}"
        )
        .replace(
            "prices:\n  - {key: vm",
            'prices:\n  - {key: lb_monthly, per_unit: "1.00", every: month}\n  - {key: vm',
        )
    )
    with pytest.raises(Conflict, match=r"pays in usd, and the price lb_monthly has no amount"):
        quote_creation(here, "p1", "lb", tenant=None)

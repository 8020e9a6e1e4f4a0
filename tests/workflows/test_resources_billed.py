"""Resources that come and go, and who pays for them, from events to invoices."""

from datetime import UTC, datetime
from typing import Any

from tallygate.workflows.accounts import create_billing_account, create_project, switch_payer
from tallygate.workflows.questions.preview import preview
from tallygate.workflows.subscribe import subscribe

CATALOG = """
name: test
currency: usd
meters:
  vcpu_hours: {event: resource, value: running * vcpu, aggregation: time_weighted, unit: hour}
plans:
  base:
    name: Base
    prices:
      - {key: vcpu_used, meter: vcpu_hours, per_unit: "1.00"}
prices:
  - {key: vm_monthly, per_unit: "31.00", every: month}
resources:
  vm: {price: vm_monthly, spec: {vcpu: 2}}
"""


def at(month: int, day: int, hour: int = 0) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def nets(invoice: Any) -> list[tuple[str, str, int]]:
    return [(line.price, line.kind, line.net) for line in invoice.lines]


def test_resources_are_counted_and_metered(each_platform: Any) -> None:
    platform = each_platform
    platform.publish(CATALOG)
    organization = platform.tenant()
    create_project(platform.installation, organization.id, "one", tenant=None, external_id="p1")
    subscription, first = subscribe(platform.installation, organization.billing_account, "base")
    assert first is None
    platform.clock.set(at(1, 12))
    created = {"project": "p1", "type": "vm"}
    platform.send("resource.created", at(1, 11), created, "vm-1")
    platform.send("resource.stopped", at(1, 11, 10), {}, "vm-1")
    seen = preview(platform.installation, subscription.id)
    assert nets(seen) == [
        ("vm_monthly", "counted", 3100),
        ("vm_monthly", "counted", 2100),
        ("vcpu_used", "metered", 2000),
    ]
    [invoice] = platform.close(at(2, 1))
    assert invoice.lines == seen.lines
    platform.send("resource.deleted", at(1, 31), {}, "vm-1")
    [invoice] = platform.close(at(3, 1))
    assert nets(invoice) == [
        ("vm_monthly", "credit", -3100),
        ("vcpu_used", "metered", 0),
        ("vm_monthly", "adjustment", -100),
    ]
    [invoice] = platform.close(at(4, 1))
    assert nets(invoice) == [("vcpu_used", "metered", 0)]


def test_two_payers_pay_for_their_own_stretches(platform: Any) -> None:
    """E8: a project moves to a billing account of its own after 10 of 31 days."""
    platform.publish(CATALOG)
    organization = platform.tenant()
    project = create_project(
        platform.installation, organization.id, "one", tenant=None, external_id="p1"
    )
    own = create_billing_account(platform.installation, organization.id, "own", tenant=None)
    for account in (organization.billing_account, own.id):
        subscribe(platform.installation, account, "base")
    platform.send("resource.created", at(1, 1), {"project": "p1", "type": "vm"}, "vm-1")
    platform.clock.set(at(1, 11))
    switch_payer(platform.installation, project.id, own.id, tenant=None)
    made = {invoice.billing_account: nets(invoice) for invoice in platform.close(at(2, 1))}
    assert made[organization.billing_account] == [
        ("vm_monthly", "counted", 1000),
        ("vcpu_used", "metered", 48000),
    ]
    assert made[own.id] == [
        ("vm_monthly", "counted", 3100),
        ("vm_monthly", "counted", 2100),
        ("vcpu_used", "metered", 100800),
    ]


BY_TYPE = """
name: test
currency: usd
meters:
  hours: {event: resource, value: running, aggregation: time_weighted, unit: hour}
  peak: {event: disk.report, value: gb, aggregation: max, unit: GB}
plans:
  base: {name: Base, prices: []}
prices:
  - {key: small_hours, meter: hours, per_unit: "1.00"}
  - {key: large_hours, meter: hours, per_unit: "2.00"}
  - {key: disk_peak, meter: peak, per_unit: "3.00"}
resources:
  disk: {price: disk_peak}
  small: {price: small_hours}
  large: {price: large_hours}
"""


def test_a_types_metered_price_measures_its_own_resources(platform: Any) -> None:
    """E5: two types share a meter; one grows into the other after two hours."""
    platform.publish(BY_TYPE)
    organization = platform.tenant()
    create_project(platform.installation, organization.id, "one", tenant=None, external_id="p1")
    subscribe(platform.installation, organization.billing_account, "base")
    platform.clock.set(at(1, 10))
    platform.send("resource.created", at(1, 5), {"project": "p1", "type": "small"}, "a")
    platform.send("resource.resized", at(1, 5, 2), {"type": "large"}, "a")
    platform.send("resource.deleted", at(1, 5, 5), {}, "a")
    platform.send("resource.created", at(1, 6), {"project": "p1", "type": "small"}, "b")
    platform.send("resource.stopped", at(1, 6, 10), {}, "b")
    [invoice] = platform.close(at(2, 1))
    assert nets(invoice) == [("large_hours", "metered", 600), ("small_hours", "metered", 1200)]


def test_a_peak_is_whole_however_late_its_resource_came(platform: Any) -> None:
    platform.publish(BY_TYPE)
    organization = platform.tenant()
    create_project(platform.installation, organization.id, "one", tenant=None, external_id="p1")
    subscribe(platform.installation, organization.billing_account, "base")
    platform.clock.set(at(1, 31))
    platform.send("resource.created", at(1, 30), {"project": "p1", "type": "disk"}, "d")
    platform.send("disk.report", at(1, 30, 1), {"gb": 10}, "d")
    platform.send("disk.report", at(1, 30, 1), {"gb": 99}, "acme")
    [invoice] = platform.close(at(2, 1))
    assert nets(invoice) == [("disk_peak", "metered", 3000)]

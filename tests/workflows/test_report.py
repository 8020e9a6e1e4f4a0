"""The usage report agrees with the invoice, and the way down leads to the events behind a line."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tallygate.core.errors import Invalid, NotFound
from tallygate.core.period import Period
from tallygate.workflows.accounts import (
    create_billing_account,
    create_project,
    switch_payer,
)
from tallygate.workflows.questions.report import events_behind, list_events, report_usage

CATALOG = """
name: shop
currency: usd
meters:
  calls: {event: call, value: n, aggregation: sum, where: {kind: paid}}
  heap: {event: heap, value: gb, aggregation: time_weighted, unit: GBh}
  people: {event: login, value: person, aggregation: unique}
  peak: {event: heap, value: gb, aggregation: max}
plans:
  one: {name: One, prices: [{key: calls, meter: calls, per_unit: "1.00"}]}
"""
MARCH = Period(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))


def day(number: int, hour: int = 0) -> datetime:
    return datetime(2026, 3, number, hour, tzinfo=UTC)


def test_days_add_up_and_unique_values_count_once(each_platform: Any) -> None:
    each_platform.publish(CATALOG)
    organization = each_platform.tenant()
    installation = each_platform.installation
    create_project(installation, organization.id, "Web", tenant=None, external_id="web")
    each_platform.clock.set(MARCH.end)
    each_platform.send("call", day(2), {"n": 5, "kind": "paid"})
    each_platform.send("call", day(2, 23), {"n": 6, "kind": "paid"}, "web")
    each_platform.send("call", day(3), {"n": 70, "kind": "free"})
    each_platform.send("call", day(31, 23), {"n": 1, "kind": "paid"})
    for subject in ("acme", "web"):
        each_platform.send("login", day(4), {"person": "ada"}, subject)
    each_platform.send("login", day(5), {"person": "bob"})
    rows, more = report_usage(installation, MARCH, tenant=organization.id)
    assert more is None
    said = {row.meter: (row.quantity, [(d.day, q) for d, q in row.days]) for row in rows}
    assert said == {
        "calls": (Decimal(12), [(2, Decimal(11)), (31, Decimal(1))]),
        "people": (Decimal(2), [(4, Decimal(1)), (5, Decimal(1))]),
    }
    one_day = Period(day(2), day(3))
    rows, _ = report_usage(installation, one_day, tenant=None, meter="calls")
    assert [row.quantity for row in rows] == [Decimal(11)]
    with pytest.raises(Invalid, match="no meter"):
        report_usage(installation, MARCH, tenant=None, meter="cows")
    with pytest.raises(Invalid, match="at most 400 days"):
        report_usage(installation, Period(day(1), day(1) + timedelta(days=401)), tenant=None)
    with pytest.raises(NotFound):
        report_usage(
            installation, MARCH, tenant="org_x", billing_account=organization.billing_account
        )


def test_the_way_down_has_what_the_meter_read(each_platform: Any) -> None:
    each_platform.publish(CATALOG)
    organization = each_platform.tenant()
    each_platform.clock.set(MARCH.end)
    each_platform.send("call", day(2), {"n": 5, "kind": "paid"})
    each_platform.send("call", day(3), {"n": 70, "kind": "free"})
    each_platform.send("heap", MARCH.start - timedelta(days=9), {"gb": 1})
    each_platform.send("heap", MARCH.start - timedelta(days=3), {"gb": 2})
    each_platform.send("heap", day(9), {"gb": 4})
    installation, account = each_platform.installation, organization.billing_account

    def values(meter: str, **more: Any) -> list[str]:
        found = events_behind(installation, account, meter, MARCH, tenant=None, **more)
        return [str(one.value) for one in found]

    assert values("calls") == ["5"]
    assert values("heap") == ["2", "4"], "the value that the month began with belongs to it"
    assert values("peak") == ["4"]
    [first] = events_behind(installation, account, "heap", MARCH, tenant=None, limit=1)
    assert values("heap", after=first.event.place) == ["4"]
    with pytest.raises(NotFound):
        events_behind(installation, account, "heap", MARCH, tenant="org_other")


def test_each_payer_goes_down_to_its_own_events(platform: Any) -> None:
    platform.publish(CATALOG)
    organization = platform.tenant()
    installation = platform.installation
    project = create_project(installation, organization.id, "Web", tenant=None, external_id="web")
    other = create_billing_account(installation, organization.id, "Labs", tenant=None)
    platform.clock.set(day(10))
    platform.send("call", day(9), {"n": 1, "kind": "paid"}, "web")
    switch_payer(installation, project.id, other.id, tenant=None)
    platform.clock.set(MARCH.end)
    platform.send("call", day(11), {"n": 2, "kind": "paid"}, "web")
    shares = {
        account: [
            str(one.value)
            for one in events_behind(installation, account, "calls", MARCH, tenant=None)
        ]
        for account in (organization.billing_account, other.id)
    }
    assert shares == {organization.billing_account: ["1"], other.id: ["2"]}
    rows, _ = report_usage(installation, MARCH, tenant=None)
    assert {row.billing_account: row.quantity for row in rows} == {
        organization.billing_account: Decimal(1),
        other.id: Decimal(2),
    }


def test_events_of_many_subjects_come_in_one_order(platform: Any) -> None:
    """More streams than are asked one by one."""
    platform.publish(CATALOG)
    organization = platform.tenant()
    installation = platform.installation
    for number in range(40):
        name = f"p{number}"
        create_project(installation, organization.id, name, tenant=None, external_id=name)
    platform.clock.set(MARCH.end)
    for number in range(40):
        platform.send("call", day(1 + number * 7 % 30), {"n": 1, "kind": "paid"}, f"p{number}")
    found = list_events(installation, tenant=organization.id, limit=100)
    assert len(found) == 40
    assert [one.event.time for one in found] == sorted(one.event.time for one in found)
    half = list_events(installation, tenant=organization.id, limit=20)
    rest = list_events(installation, tenant=organization.id, after=half[-1].event.place)
    assert half + rest == found
    assert list_events(installation, tenant="org_other") == ()

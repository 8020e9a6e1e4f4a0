"""Plan changes and what the next invoices say of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tallygate.adapters.store import invoices
from tallygate.core.errors import Conflict
from tallygate.core.period import Period
from tallygate.workflows.change import cancel, change_plan
from tallygate.workflows.close import close_due
from tallygate.workflows.subscribe import subscribe

CATALOG = """
name: test
currency: usd
meters:
  devices: {event: device.report, value: devices, aggregation: max, round: {to: "1", mode: up}}
  messages: {event: mqtt.report, value: n, aggregation: sum, unit: message}
plans:
  free: {name: Free, prices: []}
  starter:
    name: Starter
    prices:
      - {key: starter_monthly, flat: "29.00", every: month}
      - {key: starter_annual, flat: "365.00", every: year}
      - {key: device_usage, meter: devices, included: 5, per_unit: "5.00"}
      - {key: messages_used, meter: messages, per_unit: "1.00"}
  pro:
    name: Pro
    prices:
      - {key: pro_monthly, flat: "99.00", every: month}
      - {key: pro_annual, flat: "730.00", every: year}
      - {key: device_usage_pro, meter: devices, included: 20, per_unit: "4.00"}
coupons:
  ONCE: {percent_off: 50, duration: once}
  TEN: {amount_off: {usd: "10.00"}, duration: forever}
"""


def at(month: int, day: int, hour: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def stored(platform: Any, subscription: str) -> list[Any]:
    with platform.installation.store.read() as tx:
        return list(invoices.of_subscription(tx, subscription))


def test_a_scheduled_plan_is_billed_from_its_boundary(platform: Any) -> None:
    platform.publish(CATALOG)
    subscription = platform.subscribed("pro")
    platform.clock.set(at(1, 11))
    changed = change_plan(platform.installation, subscription.id, "starter")
    assert (changed.effective, changed.invoice) == (at(2, 1), None)
    [invoice] = platform.close(at(2, 1))
    assert [line.price for line in invoice.lines] == ["starter_monthly", "device_usage_pro"]


def test_an_upgrade_before_the_close_credits_what_the_boundary_bills(platform: Any) -> None:
    """At 00:10 the boundary of 00:00 waits for late events; its flats count as billed."""
    platform.publish(CATALOG)
    subscription = platform.subscribed("starter", coupons=["ONCE"])
    platform.clock.set(at(2, 1) + timedelta(minutes=10))
    changed = change_plan(platform.installation, subscription.id, "pro")
    assert changed.invoice is not None
    amounts = [(line.price, line.net) for line in changed.invoice.lines]
    left = 28 * 24 * 60 - 10
    credit = -round(2900 * left / (28 * 24 * 60))
    assert amounts == [
        ("starter_monthly", credit),
        ("pro_monthly", round(9900 * left / (28 * 24 * 60))),
    ]
    [boundary] = platform.close(at(2, 1))
    assert [(line.price, line.net) for line in boundary.lines] == [
        ("starter_monthly", 2900),
        ("device_usage", 0),
        ("messages_used", 0),
    ]
    [march] = platform.close(at(3, 1))
    assert march.lines[0].price == "pro_monthly"
    assert sum(line.net for line in march.lines) == 9900


def test_a_credit_is_what_the_boundary_billed_in_the_end(platform: Any) -> None:
    """At 00:10 all of TEN was on the flat (19.00); at 00:20 late usage takes most of it over.

    29.00 and 87.00 share it as 2.50 and 7.50: the flat comes to 26.50. 40310 of 40320 minutes of
    that are 26.49, and 19.00 was given back for them.
    """
    platform.publish(CATALOG)
    subscription = platform.subscribed("starter", coupons=["TEN"])
    platform.clock.set(at(2, 1) + timedelta(minutes=10))
    changed = change_plan(platform.installation, subscription.id, "pro")
    assert changed.invoice is not None
    assert changed.invoice.lines[0].net == -1900
    platform.clock.set(at(2, 1) + timedelta(minutes=20))
    platform.send("mqtt.report", at(1, 31), {"n": 87})
    [boundary] = platform.close(at(2, 1))
    assert [(line.price, line.kind, line.net) for line in boundary.lines] == [
        ("starter_monthly", "flat", 2650),
        ("device_usage", "metered", 0),
        ("messages_used", "metered", 7950),
        ("starter_monthly", "credit", 1900 - 2649),
    ]
    assert boundary.lines[-1].note.endswith("19.00 USD was given back before it was billed")
    [march] = platform.close(at(3, 1))
    assert [line.kind for line in march.lines if line.net] == ["flat"]


def test_to_and_fro_while_the_boundary_waits_corrects_each_credit_once(platform: Any) -> None:
    """Starter runs from 00:00 to 00:10 and from 00:12 to 00:15; only the first was foreseen."""
    platform.publish(CATALOG)
    subscription = platform.subscribed("starter", coupons=["TEN"])
    for minute, plan in ((10, "pro"), (12, "starter"), (15, "pro")):
        platform.clock.set(at(2, 1) + timedelta(minutes=minute))
        change_plan(platform.installation, subscription.id, plan, when="now")
    platform.send("mqtt.report", at(1, 31), {"n": 87})
    [boundary] = platform.close(at(2, 1))
    given = [line for line in boundary.lines if line.kind == "credit"]
    assert [line.net for line in given] == [1900 - 2649]


def test_an_upgrade_at_the_boundary_is_billed_by_it(platform: Any) -> None:
    platform.publish(CATALOG)
    subscription = platform.subscribed("starter")
    platform.clock.set(at(2, 1))
    assert change_plan(platform.installation, subscription.id, "pro").invoice is None
    [boundary] = platform.close(at(2, 1))
    assert (boundary.lines[0].price, boundary.lines[0].net) == ("pro_monthly", 9900)
    [march] = platform.close(at(3, 1))
    assert march.total == 9900


def test_an_upgrade_of_a_year_at_a_months_boundary_is_invoiced_at_once(platform: Any) -> None:
    """The year's flats do not fall due there: 334 days at $1 back, 334 at $2 charged."""
    platform.publish(CATALOG)
    subscription = platform.subscribed("starter", interval="year")
    platform.clock.set(at(2, 1))
    invoice = change_plan(platform.installation, subscription.id, "pro").invoice
    assert invoice is not None
    assert [(line.price, line.net) for line in invoice.lines] == [
        ("starter_annual", -33400),
        ("pro_annual", 66800),
    ]
    made = [*platform.close(at(2, 1)), *platform.close(at(3, 1))]
    assert [one.total for one in made] == [0, 0]


def test_an_annual_upgrade_at_a_boundary_and_a_refund_leave_the_days(platform: Any) -> None:
    """31 days at $1 and 10 at $2."""
    platform.publish(CATALOG)
    subscription = platform.subscribed("starter", interval="year")
    platform.clock.set(at(2, 1))
    change_plan(platform.installation, subscription.id, "pro")
    platform.close(at(2, 1))
    platform.clock.set(at(2, 11))
    cancel(platform.installation, subscription.id, now=True, refund=True)
    platform.close(at(2, 11))
    assert sum(invoice.total for invoice in stored(platform, subscription.id)) == 3100 + 2000


def test_a_free_plan_that_becomes_paid_at_a_boundary_is_billed(platform: Any) -> None:
    platform.publish(CATALOG)
    subscription = platform.subscribed("free")
    platform.clock.set(at(2, 1))
    invoice = change_plan(platform.installation, subscription.id, "starter").invoice
    assert invoice is not None
    assert invoice.total == 2900
    assert platform.close(at(2, 1)) == []
    assert [one.total for one in platform.close(at(3, 1))] == [2900]


def test_a_free_plan_becomes_paid_on_a_new_day(platform: Any) -> None:
    platform.publish(CATALOG)
    subscription = platform.subscribed("free")
    platform.clock.set(at(1, 20, 7))
    changed = change_plan(platform.installation, subscription.id, "starter")
    assert changed.invoice is not None
    assert (changed.invoice.total, changed.subscription.anchor) == (2900, at(1, 20, 7))
    assert platform.close(at(2, 1)) == []
    [invoice] = platform.close(at(2, 20, 7))
    assert invoice.dated == at(2, 20, 7)


def test_a_paid_plan_that_becomes_free_can_come_back_on_a_new_day(platform: Any) -> None:
    platform.publish(CATALOG)
    subscription = platform.subscribed("starter")
    platform.clock.set(at(1, 5))
    platform.send("mqtt.report", at(1, 4), {"n": 3})
    assert change_plan(platform.installation, subscription.id, "free").effective == at(2, 1)
    [last] = platform.close(at(2, 1))
    assert last.total == 300
    assert platform.close(at(4, 1)) == []
    platform.clock.set(at(4, 10))
    changed = change_plan(platform.installation, subscription.id, "starter")
    assert changed.subscription.anchor == at(4, 10)
    platform.send("mqtt.report", at(1, 5), {"n": 1})
    [invoice] = platform.close(at(5, 10))
    assert invoice.period == Period(at(4, 10), at(5, 10))
    assert [line.net for line in invoice.lines] == [2900, 0, 0, 100]


def test_a_paid_period_that_waits_for_its_close_is_not_forgotten(platform: Any) -> None:
    """Free since midnight, paid again at 00:10: January's usage is still billed."""
    platform.publish(CATALOG)
    subscription = platform.subscribed("starter")
    platform.clock.set(at(1, 5))
    platform.send("mqtt.report", at(1, 4), {"n": 3})
    change_plan(platform.installation, subscription.id, "free")
    platform.clock.set(at(2, 1) + timedelta(minutes=10))
    changed = change_plan(platform.installation, subscription.id, "starter")
    assert changed.subscription.anchor == at(1, 1)
    [invoice] = platform.close(at(2, 1))
    assert invoice.total == 300


def test_taking_a_scheduled_change_back_keeps_the_version(platform: Any) -> None:
    """A new list, that has no such plan any more, moves nothing."""
    platform.publish(CATALOG)
    subscription = platform.subscribed("pro")
    platform.clock.set(at(1, 11))
    change_plan(platform.installation, subscription.id, "starter")
    for text in (CATALOG.replace("99.00", "109.00"), CATALOG.replace("  pro:", "  top:")):
        platform.publish(text.replace("pro_", "top_") if "  top:" in text else text)
        back = change_plan(platform.installation, subscription.id, "pro", commit=False)
        assert (back.invoice, back.subscription.phases) == (None, subscription.phases)
    change_plan(platform.installation, subscription.id, "pro")
    assert platform.close(at(2, 1))[0].lines[0].net == 9900


def test_the_preview_of_a_change_is_the_change(platform: Any) -> None:
    platform.publish(CATALOG)
    subscription = platform.subscribed("starter", coupons=["ONCE"])
    platform.clock.set(at(1, 11))
    seen = change_plan(platform.installation, subscription.id, "pro", commit=False)
    assert len(stored(platform, subscription.id)) == 1
    done = change_plan(platform.installation, subscription.id, "pro")
    assert seen.invoice is not None
    assert done.invoice is not None
    assert seen.invoice.lines == done.invoice.lines
    assert seen.effective == done.effective


def test_a_new_subscription_follows_an_ended_one(platform: Any) -> None:
    platform.publish(CATALOG)
    first = platform.subscribed("starter")
    platform.clock.set(at(1, 11))
    with pytest.raises(Conflict, match="already: change its plan"):
        subscribe(platform.installation, first.billing_account, "pro")
    cancel(platform.installation, first.id, now=True)
    second, invoice = subscribe(platform.installation, first.billing_account, "pro")
    assert invoice is not None
    assert invoice.number == 2
    made = close_due(platform.installation, at(2, 11, 1))
    assert [(i.subscription, i.reason) for i in made] == [
        (first.id, "end"),
        (second.id, "boundary"),
    ]

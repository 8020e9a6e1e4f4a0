"""A `once` coupon is taken once, whatever is foreseen, missed, changed or corrected meanwhile."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tallygate.adapters.store import invoices
from tallygate.workflows.change import change_plan
from tallygate.workflows.close import close_due

CATALOG = """
name: test
currency: usd
meters:
  messages: {event: mqtt.report, value: n, aggregation: sum, unit: message}
plans:
  metered:
    name: Metered
    prices: [{key: messages_used, meter: messages, per_unit: "1.00"}]
  pro:
    name: Pro
    prices: [{key: pro_monthly, flat: "28.00", every: month}]
coupons:
  ONCE: {percent_off: 50, duration: once}
"""


def at(month: int, day: int) -> datetime:
    return datetime(2026, month, day, tzinfo=UTC)


def used(platform: Any, *events: tuple[datetime, int]) -> None:
    for when, number in events:
        platform.send("mqtt.report", when, {"n": number})


def subscribed(platform: Any) -> Any:
    platform.publish(CATALOG)
    return platform.subscribed("metered", coupons=["ONCE"])


def test_an_upgrade_leaves_it_to_the_boundary_that_waits(platform: Any) -> None:
    """At 00:10 the boundary of 00:00 is foreseen to take 50.00 of 100.00 off."""
    subscription = subscribed(platform)
    used(platform, (at(1, 1), 100))
    platform.clock.set(at(2, 1) + timedelta(minutes=10))
    changed = change_plan(platform.installation, subscription.id, "pro")
    assert changed.invoice is not None
    minutes = 28 * 24 * 60
    assert changed.invoice.total == round(2800 * (minutes - 10) / minutes) == 2799
    assert changed.subscription.redemptions[0].spent_by is None
    [boundary] = platform.close(at(2, 1))
    assert (boundary.subtotal, boundary.discount) == (10000, 5000)
    assert platform.close(at(3, 1))[0].discount == 0
    with platform.installation.store.read() as tx:
        made = invoices.of_subscription(tx, subscription.id)
    assert [invoice.discount for invoice in made if invoice.discount] == [5000]


def test_a_dry_run_over_two_boundaries_takes_it_once(platform: Any) -> None:
    subscribed(platform)
    platform.clock.set(at(3, 2))
    used(platform, (at(1, 5), 100), (at(2, 5), 60))
    foreseen = close_due(platform.installation, commit=False)
    assert [invoice.total for invoice in foreseen] == [5000, 6000]
    saved = close_due(platform.installation)
    assert [invoice.lines for invoice in saved] == [invoice.lines for invoice in foreseen]


def test_an_adjustment_is_net_of_it_only_where_it_was_spent(platform: Any) -> None:
    """January closed at 0 and spent nothing: the late 24.00 are whole, March has the half."""
    subscribed(platform)
    platform.close(at(2, 1))
    used(platform, (at(1, 31), 24))
    [february] = platform.close(at(3, 1))
    assert [(line.kind, line.net) for line in february.lines] == [
        ("metered", 0),
        ("adjustment", 2400),
    ]
    assert "net of" not in february.lines[1].note
    used(platform, (at(3, 1), 100))
    [march] = platform.close(at(4, 1))
    assert march.total == 5000
    used(platform, (at(3, 2), 10))
    [april] = platform.close(at(5, 1))
    assert april.total == 500
    assert "net of ONCE" in april.lines[1].note

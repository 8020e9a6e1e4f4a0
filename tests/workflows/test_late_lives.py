"""Resources whose news come after the close: what was billed is put right, window by window."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tallygate.workflows.accounts import create_project
from tallygate.workflows.change import cancel

CATALOG = """
name: test
currency: usd
meters:
  gauge: {event: gauge, value: n, aggregation: time_weighted, unit: hour}
plans:
  free: {name: Free, prices: []}
  base:
    name: Base
    prices: [{key: base_monthly, flat: "10.00", every: month}]
  gauged:
    name: Gauged
    prices: [{key: gauge_used, meter: gauge, per_unit: "0.10"}]
prices:
  - {key: vm_monthly, per_unit: "31.00", every: month}
  - {key: typed_used, meter: gauge, per_unit: "0.10"}
resources:
  vm: {price: vm_monthly}
  typed: {price: typed_used}
  plain: {}
coupons:
  FIFTH: {percent_off: 20, duration: forever}
"""


def at(month: int, day: int) -> datetime:
    return datetime(2026, month, day, tzinfo=UTC)


def nets(invoice: Any) -> list[tuple[str, str, int]]:
    return [(line.price, line.kind, line.net) for line in invoice.lines]


def housed(platform: Any, plan: str, **terms: Any) -> Any:
    """A subscription whose organization has a project, p1."""
    platform.publish(CATALOG)
    subscription = platform.subscribed(plan, **terms)
    organization = subscription.organization
    create_project(platform.installation, organization, "one", tenant=None, external_id="p1")
    return subscription


@pytest.mark.parametrize(("coupons", "january"), [((), 2100), (("FIFTH",), 1680)])
def test_a_window_before_the_oldest_invoice_is_looked_at(
    platform: Any, coupons: tuple[str, ...], january: int
) -> None:
    """21 of 31 days of $31; the coupons of that day hold, though there was no invoice."""
    housed(platform, "free", coupons=coupons)
    assert platform.close(at(2, 1)) == []
    platform.clock.set(at(2, 2))
    platform.send("resource.created", at(1, 11), {"project": "p1", "type": "vm"}, "vm-1")
    [invoice] = platform.close(at(3, 1))
    assert [line.amount for line in invoice.lines] == [3100, 3100, january]
    assert nets(invoice)[-1] == ("vm_monthly", "adjustment", january)
    assert [kind for _, kind, _ in nets(platform.close(at(4, 1))[0])] == ["counted"]


def test_what_ended_without_any_invoice_is_still_billed(platform: Any) -> None:
    """Nine machines for 21 of 31 days of $31."""
    subscription = housed(platform, "free")
    cancel(platform.installation, subscription.id)
    assert platform.close(at(2, 1)) == []
    platform.clock.set(at(2, 2))
    created = {"project": "p1", "type": "vm"}
    for number in range(9):
        platform.send("resource.created", at(1, 11), created, f"vm-{number}")
    [invoice] = platform.close(at(2, 3))
    assert (invoice.reason, invoice.total) == ("adjustment", 18900)
    assert platform.close(at(2, 4)) == []


@pytest.mark.parametrize(
    ("plan", "kind", "price"), [("gauged", "plain", "gauge_used"), ("base", "typed", "typed_used")]
)
def test_a_late_deletion_ends_the_series_of_a_gauge(
    platform: Any, plan: str, kind: str, price: str
) -> None:
    """10 for 744 hours at 0.10 were billed; deleted after 240 hours."""
    housed(platform, plan)
    platform.send("resource.created", at(1, 1), {"project": "p1", "type": kind}, "r")
    platform.send("gauge", at(1, 1), {"n": 10}, "r")
    [january] = platform.close(at(2, 1))
    assert (price, "metered", 74400) in nets(january)
    platform.clock.set(at(2, 2))
    platform.send("resource.deleted", at(1, 11), {}, "r")
    [february] = platform.close(at(3, 1))
    assert nets(february)[-1] == (price, "adjustment", 24000 - 74400)
    [march] = platform.close(at(4, 1))
    assert "adjustment" not in {line.kind for line in march.lines}


@pytest.mark.parametrize(
    ("billed", "news", "adjusted"),
    [
        ("typed", ("resource.resized", {"type": "plain"}), 24000 - 74400),
        ("plain", ("resource.resized", {"type": "typed"}), 50400),
        (None, ("resource.created", {"project": "p1", "type": "typed"}), 50400),
    ],
)
def test_a_late_resize_or_creation_tells_what_a_types_price_measures(
    platform: Any, billed: str | None, news: tuple[str, Any], adjusted: int
) -> None:
    """240 hours of January before the news, 504 after, 10 at 0.10 an hour; none in February."""
    housed(platform, "base")
    created = {"project": "p1", "type": billed or "plain"}
    platform.send("resource.created", at(1, 1), created, "r" if billed else "other")
    if billed:
        platform.send("gauge", at(1, 1), {"n": 10}, "r")
    platform.close(at(2, 1))
    platform.clock.set(at(2, 2))
    kind, fields = news
    platform.send(kind, at(1, 11), fields, "r")
    if not billed:
        platform.send("gauge", at(1, 11), {"n": 10}, "r")
    platform.send("gauge", at(2, 1), {"n": 0}, "r")
    [february] = platform.close(at(3, 1))
    assert nets(february)[-1] == ("typed_used", "adjustment", adjusted)

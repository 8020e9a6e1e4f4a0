"""A price list, a subscription on it, and what a provider shows of both; all times are January's.

January 2026 has 744 hours. `basic` costs 10.00, `pro` 29.00, a seat 3.00, a call beyond the
allowance 0.05.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tallygate.catalog import read_catalog
from tallygate.catalog.model import Meter
from tallygate.collection.contracted import HeldPrices, WantedSubscription, what_to_have
from tallygate.collection.held import FoundPrice
from tallygate.collection.intents import WantedItem
from tallygate.collection.records import Collected
from tallygate.collection.seen import (
    Seen,
    SeenCustomer,
    SeenInvoice,
    SeenItem,
    SeenKind,
    SeenLine,
    SeenSubscription,
)
from tallygate.core.period import Period
from tallygate.invoicing.contract import Contract, Counts, Handover, Types
from tallygate.invoicing.model import Invoice, InvoiceReason
from tallygate.metering.windows import span_of
from tallygate.rating.line import Line
from tallygate.subscriptions.model import Phase, Subscription

CATALOG = read_catalog("""\
name: shop
currency: usd
meters:
  calls: {event: api.call, aggregation: count}
  gb: {event: gb.report, value: gb, aggregation: max}
plans:
  free: {name: Free}
  basic:
    name: Basic
    product: prod_basic
    prices:
      - {key: basic_m, flat: "10.00", every: month}
      - key: desks
        graduated: [{up_to: 1, unit: "1", flat: "1"}, {unit: "2"}]
        every: month
        count: members
      - {key: calls, meter: calls, included: 10, per_unit: "0.05"}
  pro:
    name: Pro
    product: prod_pro
    prices:
      - {key: pro_m, flat: "29.00", every: month}
      - {key: seats, per_unit: "3.00", every: month, count: members}
      - {key: calls, meter: calls, included: 100, per_unit: "0.05"}
      - {key: gb, meter: gb, per_unit: "0.10", minimum: "1.00"}
""")
HELD = HeldPrices({1: CATALOG})


def day(number: int, hour: int = 0, month: int = 1) -> datetime:
    return datetime(2026, month, number, hour, tzinfo=UTC)


BEGUN, BOUNDARY, NEXT = day(1), day(1, month=2), day(1, month=3)
JANUARY, FEBRUARY = Period(BEGUN, BOUNDARY), Period(BOUNDARY, NEXT)


class TwoMembers:
    """A `Usage` of an organization with two members and nothing else."""

    def measured(self, *_of: Meter | Period | Types | None) -> Decimal:
        return Decimal(0)

    def counts(self, types: Types | None, part: Period) -> Counts:
        return [(0, *span_of(part))]

    def members(self, part: Period) -> Counts:
        return [(2, *span_of(part))]

    def types(self, part: Period) -> Types:
        return frozenset()

    def came_late(self, *_of: Any) -> bool:
        return False

    def handovers(self, *_of: Any) -> list[Handover]:
        return []

    def lives_changed(self, *_of: Any) -> bool:
        return False


def subscribed(*plans: tuple[str, datetime], **more: Any) -> Subscription:
    """On these plans, each since an instant, by the month."""
    untils = [*(since for _, since in plans[1:]), None]
    phases = tuple(
        Phase(plan, "month", 1, since, until)
        for (plan, since), until in zip(plans, untils, strict=True)
    )
    return Subscription("sub_1", "org_1", "bil_1", "usd", BEGUN, BEGUN, BEGUN, phases, **more)


def wanted(subscription: Subscription, at: datetime) -> WantedSubscription:
    contract = Contract(subscription, {1: CATALOG}, TwoMembers())
    return what_to_have(contract, HELD, at)


def keys(items: Sequence[WantedItem]) -> dict[str, int | None]:
    return {item.price.key: item.quantity for item in items}


def item(key: str, quantity: int | None = 1, period: Period = JANUARY) -> SeenItem:
    found = FoundPrice(f"price_{key}", key, HELD[1][key], made_for=key)
    return SeenItem(f"si_{key}", found, quantity, period)


def there(*items: SeenItem, **more: Any) -> SeenSubscription:
    return SeenSubscription("sub_there", more.pop("status", "active"), BEGUN, BEGUN, items, **more)


def line(price: str, kind: Any, amount: int, **more: Any) -> Line:
    one = Decimal(1)
    more.setdefault("period", FEBRUARY if kind in {"flat", "counted"} else JANUARY)
    return Line(price, kind, "usd", amount, one, one, catalog_version=1, **more)


def invoice(
    *lines: Line, reason: InvoiceReason = "boundary", dated: datetime = BOUNDARY
) -> Invoice:
    return Invoice("inv_1", "org_1", "bil_1", "sub_1", reason, "usd", dated, JANUARY, 7, lines)


def seen_line(kind: SeenKind, amount: int, key: str | None = None, **more: Any) -> SeenLine:
    return SeenLine(kind, amount, more.pop("period", FEBRUARY), key, **more)


def seen_invoice(*lines: SeenLine, **more: Any) -> SeenInvoice:
    one = SeenInvoice(
        id="in_1",
        status="draft",
        reason="subscription_cycle",
        currency="usd",
        created_at=BOUNDARY,
        lines=lines,
        total=sum(line.net for line in lines),
        subscription="sub_there",
        boundary=BOUNDARY,
    )
    return replace(one, **more)


def seen(*invoices: SeenInvoice) -> Seen:
    return Seen(BOUNDARY, SeenCustomer("cus_1"), (), invoices)


def collected(**more: Any) -> Collected:
    named = {"invoice": "inv_1", "dated": BOUNDARY, "total": 1000, "state": "waiting"}
    fixed = {"organization": "org_1", "billing_account": "bil_1", "subscription": "sub_1"}
    return Collected(**{**fixed, **named, "currency": "usd", "since": BOUNDARY, **more})

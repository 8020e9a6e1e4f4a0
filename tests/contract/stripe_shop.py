"""A platform at a local Stripe: its catalog is published, and its books are open.

Each answer that its books receive is held to the SDK's own types, unless it is told otherwise.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from stripe import RequestsClient
from tests.sandbox.conftest import StrictClient

from tallygate.adapters.stripe import (
    StripeBooks,
    StripeCatalog,
    open_client,
    open_paced_client,
)
from tallygate.adapters.stripe.pace import Pace
from tallygate.collection.comparison import compare
from tallygate.collection.intents import (
    ChangeItems,
    OpenCustomer,
    StartSubscription,
    WantedItem,
)
from tallygate.collection.seen import Seen, SeenInvoice, SeenSubscription
from tallygate.collection.wanted import what_to_hold
from tallygate.core.period import Period
from tallygate.workflows.publish import check
from tallygate_sandbox.testing import RunningSandbox

START = 1_767_225_600
DAY = 86_400
JANUARY, FEBRUARY, MARCH, APRIL = (datetime(2026, month, 1, tzinfo=UTC) for month in range(1, 5))
IN_JANUARY, IN_FEBRUARY = Period(JANUARY, FEBRUARY), Period(FEBRUARY, MARCH)
NOT_KEPT = frozenset(("event", "_idempotency"))
"""Kinds that tell of requests, not of what stands at Stripe."""

CATALOG = """
name: shop
currency: usd
meters:
  calls: {event: api.call, aggregation: count}
  disk: {event: disk.report, value: gb, aggregation: sum, round: {to: "1", mode: up}}
plans:
  pro:
    name: Pro
    product: prod_pro
    prices:
      - {key: pro_base, flat: "29.00", every: month}
      - {key: pro_year, flat: "290.00", every: year}
      - {key: calls, meter: calls, included: 100, per_unit: "0.05"}
      - {key: disk, meter: disk, graduated: [{up_to: 10, unit: "1.00"}, {unit: "0.50"}]}
  max:
    name: Max
    product: prod_max
    prices:
      - {key: max_base, flat: "99.00", every: month}
      - {key: calls, meter: calls, included: 1000, per_unit: "0.05"}
prices:
  - {key: seats, per_unit: "5.00", every: month, count: members}
coupons:
  EARLY: {percent_off: 10, duration: forever}
  FIRST: {amount_off: {usd: "4.00"}, duration: once}
"""


def on(day: int, hour: int = 0) -> datetime:
    """An instant so many days after the first of January."""
    return JANUARY + timedelta(days=day, hours=hour)


class Shop:
    """`calls` counts the requests of `books`, which try each once unless told otherwise."""

    def __init__(self, sandbox: RunningSandbox, *, strict: bool = True) -> None:
        self.sandbox = sandbox
        self._http = StrictClient if strict else RequestsClient
        self.books = self.open_books()
        self.calls = self.books.calls
        # The shop's own business does not count as that of its books.
        self.client = open_client("sk_test_1", sandbox.url, retries=0)
        self.publish(CATALOG)
        self._numbers = count(1)

    def open_books(self, tries: int = 1, **more: Any) -> StripeBooks:
        client, calls = open_paced_client(
            "sk_test_1", self.sandbox.url, still(), http_client=self._http(), tries=tries
        )
        return StripeBooks(client, "Stripe (test mode)", live=False, calls=calls, **more)

    def publish(self, catalog: str) -> None:
        wanted = what_to_hold(check(catalog)[0], JANUARY)
        provider = StripeCatalog(self.client, "Stripe")
        for step in compare(wanted, provider.holdings(wanted)).steps:
            provider.carry_out(step)
        self.held = {price.key: price for price in wanted.prices}

    def item(self, key: str, quantity: int | None = 1) -> WantedItem:
        price = self.held[key]
        return WantedItem(price, None if price.meter is not None else quantity)

    def key(self) -> str:
        return f"key-{next(self._numbers)}"

    def customer(self, card: str | None = "pm_card_visa") -> str:
        """One with a card, unless told otherwise."""
        account = f"bil_{next(self._numbers)}"
        opened = OpenCustomer(account, "org_1", "Acme", "acme@example.com", "ins_1", 1)
        customer = self.books.carry_out(opened, self.key())
        if card is not None:
            self.give_card(customer, card)
        return customer

    def give_card(self, customer: str, card: str) -> str:
        v1 = self.client.v1
        method = v1.payment_methods.attach(card, {"customer": customer})
        settings: Any = {"invoice_settings": {"default_payment_method": method.id}}
        v1.customers.update(customer, settings)
        return method.id

    def subscribed(
        self, customer: str, *keys: str, seats: int = 0, coupons: tuple[str, ...] = ()
    ) -> SeenSubscription:
        """A subscription whose first invoice is paid; its metered items join afterwards."""
        items = [self.item(key) for key in keys]
        if seats:
            items.append(self.item("seats", seats))
        licensed = tuple(one for one in items if one.price.meter is None)
        metered = tuple(one for one in items if one.price.meter is not None)
        begun = StartSubscription("pur_1", "bil_1", customer, licensed, "usd", 0, coupons)
        ident = self.books.carry_out(begun, self.key())
        first = self.client.v1.subscriptions.retrieve(ident).latest_invoice
        self.client.v1.invoices.pay(str(first))
        if metered:
            self.books.carry_out(ChangeItems(ident, metered), self.key())
        return self.subscription(customer)

    def look(self, customer: str, *invoices: str) -> Seen:
        return self.books.look(customer, JANUARY, invoices)

    def subscription(self, customer: str) -> SeenSubscription:
        """The only one of a customer."""
        [subscription] = self.look(customer).subscriptions
        return subscription

    def latest(self, customer: str) -> SeenInvoice:
        return self.look(customer).invoices[-1]

    def advance(self, instant: datetime) -> None:
        self.sandbox.advance_to(int(instant.timestamp()))

    def fail(self, kind: str, **more: Any) -> None:
        """Let the next request that changes something go wrong."""
        self.sandbox.control("faults", {"kind": kind, "path": "/v1/", **more})

    def world(self) -> Mapping[str, Mapping[str, Any]]:
        """All that stands at Stripe, by kind and id."""
        objects = self.sandbox.world.objects
        return {
            kind: {one["id"]: dict(one) for one in objects.newest_first(kind)}
            for kind in objects.kinds()
            if kind not in NOT_KEPT and objects.count(kind)
        }


def still() -> Pace:
    """A pace that never waits."""
    return Pace(None, clock=lambda: 0.0, sleep=lambda _: None, chance=lambda: 0.0)


def item_of(subscription: SeenSubscription, key: str) -> str:
    """The id of the item of a price."""
    [item] = [one.id for one in subscription.items if one.key == key]
    return item

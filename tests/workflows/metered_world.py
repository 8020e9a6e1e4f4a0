"""A platform whose usage is billed by a local Stripe: both sides have the same subscription."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.sandbox.conftest import StrictClient
from tests.workflows.stripe_account import START

from tallygate.adapters.store import attention, customers, mirrors, totals
from tallygate.adapters.stripe import StripeBooks, StripeCatalog, open_paced_client
from tallygate.adapters.stripe.pace import Pace
from tallygate.collection.records import Mirror, ReportedTotal
from tallygate.testing import FrozenClock
from tallygate.workflows.accounts import create_organization
from tallygate.workflows.ingest import Incoming, ingest
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.price_list import carry_out, foresee
from tallygate.workflows.mirror.sync_view import Standing, standings
from tallygate.workflows.publish import apply, check
from tallygate.workflows.subscribe import subscribe
from tallygate_sandbox.testing import RunningSandbox

TEXT = """\
name: shop
currency: usd
meters:
  calls: {event: api.call, value: calls, aggregation: sum, round: {to: "1"}}
  gb: {event: disk, value: gb, aggregation: max, round: {to: "1", mode: up}}
  hours: {event: run, value: hours, aggregation: sum, round: {to: "0.001"}}
plans:
  pro:
    name: Pro
    prices:
      - {key: base, flat: "29.00", every: month}
      - {key: calls, meter: calls, included: 100, per_unit: "0.05"}
      - {key: space, meter: gb, included: 5, per_unit: "1.00"}
      - {key: compute, meter: hours, per_unit: "0.50"}
  max:
    name: Max
    prices:
      - {key: max_base, flat: "99.00", every: month}
      - {key: max_calls, meter: calls, included: 1000, per_unit: "0.01"}
"""
METERED = ("calls", "space", "compute")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
FEBRUARY = datetime(2026, 2, 1, tzinfo=UTC)


class MeteredWorld:
    """An installation, an account at a local Stripe, and a clock that both live by."""

    def __init__(self, installation: Installation, sandbox: RunningSandbox) -> None:
        self.installation = installation
        self.sandbox = sandbox
        assert isinstance(installation.clock, FrozenClock)
        self.clock = installation.clock
        pace = Pace(None, clock=lambda: 0.0, sleep=lambda _: None, chance=lambda: 0.5)
        self.client, calls = open_paced_client(
            "sk_test_1", sandbox.url, pace, http_client=StrictClient(), tries=1
        )
        self.books = StripeBooks(self.client, "Stripe", live=False, calls=calls)
        self.calls = calls
        self._events = 0
        self.publish(TEXT)

    def publish(self, text: str) -> None:
        """Let a price list be in force on both sides."""
        here, provider = self.installation, StripeCatalog(self.client, "Stripe")
        apply(here, text)
        catalog = check(text)[0]
        carry_out(here, provider, catalog, foresee(here, provider, catalog))
        listed = self.client.v1.prices.list({"active": True, "limit": 100}).data
        self._prices = {price.lookup_key: price.id for price in listed if price.lookup_key}

    def tenant(self, name: str) -> str:
        """A tenant without a subscription; gives its billing account."""
        made = create_organization(self.installation, name, external_id=name)
        return made.billing_account

    def subscribed(self, name: str = "acme", metered: tuple[str, ...] = METERED) -> str:
        """A tenant with a subscription on both sides; gives its billing account."""
        made = create_organization(self.installation, name, external_id=name)
        account = made.billing_account
        ours = subscribe(self.installation, account, "pro")[0]
        customer = self.client.v1.customers.create({"name": name}).id
        theirs = self.client.v1.subscriptions.create(
            {
                "customer": customer,
                "items": [{"price": self._prices[key]} for key in ("base", *metered)],
                "collection_method": "send_invoice",
                "days_until_due": 30,
            }
        )
        mirror = Mirror(
            subscription=ours.id,
            organization=made.id,
            billing_account=account,
            provider_id=theirs.id,
            status="active",
            looked_at=self.clock.now(),
        )
        with self.installation.store.write() as tx:
            customers.link(tx, account, made.id, customer, email=None, at=self.clock.now())
            mirrors.add(tx, mirror)
        return account

    def add_item(self, account: str, key: str) -> str:
        """Give the account's subscription at Stripe an item of a metered price; gives its id."""
        [mirror] = self.mirrors(account)
        made = self.client.v1.subscription_items.create(
            {
                "subscription": mirror.provider_id,
                "price": self._prices[key],
                "proration_behavior": "none",
            }
        )
        return made.id

    def mirrors(self, account: str) -> tuple[Mirror, ...]:
        with self.installation.store.read() as tx:
            return mirrors.of_account(tx, account)

    def customer(self, account: str) -> str:
        with self.installation.store.read() as tx:
            found = customers.customer_of(tx, account)
        assert found is not None
        return found

    def linked(self) -> tuple[customers.Linked, ...]:
        with self.installation.store.read() as tx:
            return customers.linked(tx)

    def use(self, name: str = "acme", **fields: str) -> None:
        """Usage now: `calls`, `gb` or `hours`."""
        self.late(name, self.clock.now(), **fields)

    def late(self, name: str, at: datetime, **fields: str) -> None:
        """Usage of another instant, that arrives now."""
        kinds = {"calls": "api.call", "gb": "disk", "hours": "run"}
        for field, value in fields.items():
            self._events += 1
            event = Incoming(
                id=f"event-{self._events}",
                source="test",
                type=kinds[field],
                subject=name,
                time=at,
                data={field: Decimal(value)},
            )
            assert ingest(self.installation, [event]).accepted == 1

    def pass_time(self, by: timedelta) -> None:
        """Let time pass on both sides."""
        self.move_to(self.clock.now() + by)

    def move_to(self, at: datetime) -> None:
        self.clock.set(at)
        self.sandbox.advance_to(START + (at - JANUARY) // timedelta(seconds=1))

    def fail(self, kind: str, times: int = 1, **more: Any) -> None:
        """Let reports of usage go wrong."""
        asked = {"kind": kind, "times": times, "path": "/v1/billing/meter_events"}
        self.sandbox.control("faults", {"method": "POST", **asked, **more})

    def mend(self) -> None:
        self.sandbox.control("faults", method="DELETE")

    def lag(self, seconds: int) -> None:
        self.sandbox.control("settings/meters", {"lag_seconds": seconds})

    def counts(self) -> list[tuple[int, int]]:
        """What the meters have counted, as it arrived: (stamp, value)."""
        counted = [
            (number, at, value)
            for chunk in self.sandbox.world.objects.newest_first("_usage_chunk")
            for at, number, value in zip(chunk["at"], chunk["number"], chunk["value"], strict=True)
        ]
        return [(at, int(value)) for _, at, value in sorted(counted)]

    def stands(self, account: str) -> Mapping[str, Standing]:
        """How the account's usage stands, by price."""
        return {one.price: one for one in standings(self.installation, self.books, account)}

    def shown(self, account: str) -> dict[str, int | None]:
        return {key: one.shown for key, one in self.stands(account).items()}

    def revisions(self, account: str) -> tuple[ReportedTotal, ...]:
        with self.installation.store.read() as tx:
            return totals.of_account(tx, account, ("waiting", "sent", "confirmed", "failed"))

    def marked(self) -> int:
        """How many accounts are to be attended."""
        with self.installation.store.read() as tx:
            return attention.counts(tx, self.clock.now()).due

    def check(self, account: str) -> None:
        """Both sides agree: nothing is to be reported, and what is shown is the total."""
        for key, one in self.stands(account).items():
            assert not one.changes, f"{key} is to be reported: {one}"
            assert (one.shown or 0) == one.total, f"{key} shows something else: {one}"


class Killed(BaseException):
    """The process was killed here."""


def kill() -> None:
    raise Killed("killed here")

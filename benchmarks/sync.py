"""How long does it take to report the usage of a thousand accounts to the local Stripe?

Each has a subscription with three metered prices. The first round looks at every subscription
before it reports; the next one reports three new totals of each account; the last one finds that
nothing has changed. The bound is as many bare calls of the SDK, one after another, in the same
run, against the same sandbox, which is a process of its own.

    python -m benchmarks sync
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.ingestion import fresh
from benchmarks.sandbox import Caller, serving
from tallygate.adapters.store import customers, migrate, mirrors, open_store
from tallygate.adapters.stripe import StripeBooks, StripeCatalog, open_paced_client
from tallygate.adapters.stripe.pace import Pace
from tallygate.collection.records import Mirror
from tallygate.core.ids import IdSource
from tallygate.testing import FrozenClock, repeatable_bits
from tallygate.workflows.accounts import create_organization
from tallygate.workflows.ingest import Batch, Incoming, write_group
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.price_list import carry_out, foresee
from tallygate.workflows.mirror.sync_due import sync_due
from tallygate.workflows.mirror.sync_view import standings
from tallygate.workflows.publish import apply, check
from tallygate.workflows.subscribe import subscribe

ACCOUNTS, GOAL_SECONDS = 1000, 60
START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
METERED = ("calls", "space", "compute")
CATALOG = """
name: sync
currency: usd
meters:
  calls: {event: usage, value: calls, aggregation: sum, round: {to: "1"}}
  gb: {event: usage, value: gb, aggregation: max, round: {to: "1", mode: up}}
  hours: {event: usage, value: hours, aggregation: sum, round: {to: "0.001"}}
plans:
  pro:
    name: Pro
    prices:
      - {key: base, flat: "29.00", every: month}
      - {key: calls, meter: calls, per_unit: "0.05"}
      - {key: space, meter: gb, per_unit: "1.00"}
      - {key: compute, meter: hours, per_unit: "0.50"}
"""

Row = tuple[str, str, str, str]


class Platform:
    """A thousand accounts that are customers of a local Stripe, and a clock for both."""

    def __init__(self, here: Installation, clock: FrozenClock, url: str) -> None:
        self.here, self.clock = here, clock
        self._url = url
        pace = Pace(None, clock=time.monotonic, sleep=time.sleep, chance=lambda: 0.5)
        self.client, _ = open_paced_client("sk_test_bench", url, pace)
        self.books = StripeBooks(self.client, "the sandbox", live=False)
        self.customers: list[str] = []
        apply(here, CATALOG)
        catalog, provider = check(CATALOG)[0], StripeCatalog(self.client, "the sandbox")
        carry_out(here, provider, catalog, foresee(here, provider, catalog))
        listed = self.client.v1.prices.list({"lookup_keys": ["base", *METERED]})
        self._prices = [price.id for price in listed.data]
        for number in range(ACCOUNTS):
            self._subscribe(f"account-{number:04d}")

    def _subscribe(self, name: str) -> None:
        made = create_organization(self.here, name, external_id=name)
        ours = subscribe(self.here, made.billing_account, "pro")[0]
        customer = self.client.v1.customers.create({"name": name}).id
        asked: Any = {
            "customer": customer,
            "items": [{"price": price} for price in self._prices],
            "collection_method": "send_invoice",
            "days_until_due": 30,
        }
        theirs = self.client.v1.subscriptions.create(asked)
        at = self.clock.now()
        with self.here.store.write() as tx:
            customers.link(tx, made.billing_account, made.id, customer, email=None, at=at)
            mirrors.add(
                tx,
                Mirror(ours.id, made.id, made.billing_account, theirs.id, "active", looked_at=at),
            )
        self.customers.append(customer)

    def use(self) -> None:
        """An hour in which every account uses some of everything."""
        fields = {"calls": 7, "hours": 3, "gb": 1 + (self.clock.now() - START) // HOUR}
        group = [
            Incoming(
                f"{number}-{self.clock.now().timestamp()}",
                "bench",
                "usage",
                f"account-{number:04d}",
                self.clock.now(),
                fields,
            )
            for number in range(ACCOUNTS)
        ]
        assert write_group(self.here, [Batch(group)])[0].accepted == ACCOUNTS
        self.clock.advance(HOUR)
        Caller(self._url).clock(to=int(self.clock.now().timestamp()))

    def bare_calls(self) -> float:
        """As many calls as a round makes, with stamps before all of ours; how long they take."""
        began = time.perf_counter()
        for number, customer in enumerate(self.customers):
            for meter in METERED:
                name = f"bare-{meter}-{number}"
                self.client.v1.billing.meter_events.create(
                    {
                        "event_name": meter,
                        "payload": {"stripe_customer_id": customer, "value": "1"},
                        "identifier": name,
                        "timestamp": int(START.timestamp()),
                    },
                    {"idempotency_key": name},
                )
        return time.perf_counter() - began

    def round(self, reports: int) -> float:
        """A round that makes so many reports; how long it takes."""
        began = time.perf_counter()
        done = sync_due(self.here, self.books)
        took = time.perf_counter() - began
        assert (done.accounts, done.sent, done.problems) == (ACCOUNTS, reports, {}), done
        return took

    def agrees(self) -> bool:
        """Whether both sides show the same, for the first account and the last."""
        with self.here.store.read() as tx:
            found = customers.linked(tx, limit=ACCOUNTS)
        return all(
            one.shown == one.total and not one.changes
            for account in (found[0], found[-1])
            for one in standings(self.here, self.books, account.billing_account)
        )


def measure(tell: Callable[[str], None]) -> list[Row]:
    """The rows of the table: what, measured, ratio, goal."""
    reports = ACCOUNTS * len(METERED)
    with platform(tell) as made:
        made.use()
        tell(f"{reports:,} bare calls")
        bound = made.bare_calls()
        tell("the first round")
        first = made.round(reports)
        made.use()
        tell("the next round")
        following = made.round(reports)
        made.clock.advance(HOUR)
        tell("a round without news")
        idle = made.round(0)
        assert made.agrees(), "both sides show the same"
    goal = f"<= {GOAL_SECONDS} s"
    return [
        (f"sync: bound, {reports:,} calls of the SDK", f"{bound:.1f} s", "1", ""),
        (
            f"sync: first round, {ACCOUNTS:,} accounts x {len(METERED)} meters",
            f"{first:.1f} s",
            f"{first / bound:.1f}",
            goal,
        ),
        (
            "sync: next round, as many totals",
            f"{following:.1f} s",
            f"{following / bound:.1f}",
            goal,
        ),
        ("sync: a round without news", f"{idle:.1f} s", f"{idle / bound:.1f}", ""),
    ]


@contextmanager
def platform(tell: Callable[[str], None]) -> Iterator[Platform]:
    """The platform, on SQLite in a file."""
    clock = FrozenClock(START)
    with fresh("sqlite") as url, serving() as server:
        store = open_store(url)
        try:
            migrate(store)
            here = Installation(store, clock, IdSource(clock, repeatable_bits()))
            tell(f"{ACCOUNTS:,} accounts subscribe")
            yield Platform(here, clock, server.url)
        finally:
            store.close()

"""How fast are hints settled, and how long does a month end take?

Hints: webhooks that were stored before, eight for each account (as a checkout brings them) or one,
are settled and their accounts attended on one core, with what the provider shows answered from
memory. The bound is the same number of hints read from the inbox and marked, with nobody attended.

Month end: as many accounts, each on a plan of five prices, have their month closed; the bound is
one commit for each of them, which a close needs at least.

    python -m benchmarks mirror
"""

import gc
import json
import resource
import tempfile
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from sqlalchemy import text

from tallygate.adapters.store import customers, inbox, migrate, open_store, purchases
from tallygate.adapters.store.inbox import NewHint
from tallygate.collection.held import FoundPrice
from tallygate.collection.provider import Books
from tallygate.collection.records import Purchase
from tallygate.collection.seen import (
    Seen,
    SeenCustomer,
    SeenInvoice,
    SeenItem,
    SeenLine,
    SeenSubscription,
)
from tallygate.collection.wanted import prices_to_hold
from tallygate.core.ids import IdSource
from tallygate.core.period import Period, add_months
from tallygate.testing import FrozenClock, repeatable_bits
from tallygate.workflows.accounts import create_organization
from tallygate.workflows.close import close_due
from tallygate.workflows.ingest import Incoming, ingest
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.attend import attend_due, mark_all
from tallygate.workflows.mirror.settle import settle_due
from tallygate.workflows.publish import apply, current
from tallygate.workflows.subscribe import subscribe

START = datetime(2026, 1, 1, tzinfo=UTC)
ACCOUNTS, CLOSED_ACCOUNTS = 1_000, 10_000
CATALOG = """\
name: shop
currency: usd
meters:
  calls: {event: api.call, aggregation: count}
  gb: {event: api.call, value: gb, aggregation: max}
  hours: {event: api.call, value: hours, aggregation: sum}
  mb: {event: api.call, value: mb, aggregation: sum}
plans:
  pro:
    name: Pro
    product: prod_pro
    prices:
      - {key: base, flat: "29.00", every: month}
      - {key: calls, meter: calls, included: 100, per_unit: "0.05"}
      - {key: gb, meter: gb, included: 5, per_unit: "0.40"}
      - {key: hours, meter: hours, included: 10, per_unit: "0.02"}
      - {key: mb, meter: mb, package: {size: 1000, price: "0.10"}}
"""

FLAT = ("base", 2900)

Row = tuple[str, str, str, str]


class Remembered:
    """A provider's books that show what they were told, from memory."""

    def __init__(self) -> None:
        self.shown: dict[str, Seen] = {}
        self.looks = 0

    def look(self, customer: str, at: datetime, invoices: Collection[str] = ()) -> Seen:  # noqa: ARG002, D102  # as Books has it
        self.looks += 1
        return self.shown[customer]


def measure(tell: Callable[[str], None]) -> list[Row]:
    """The rows of the table: what, measured, ratio, goal."""
    with tempfile.TemporaryDirectory(prefix="tallygate-bench-") as folder:
        rows = _settling(Path(folder), tell)
    with tempfile.TemporaryDirectory(prefix="tallygate-bench-") as folder:
        return [*rows, *_month_end(Path(folder), tell)]


def _settling(folder: Path, tell: Callable[[str], None]) -> list[Row]:
    tell(f"settling: {ACCOUNTS} accounts begin")
    installation = _installation(folder)
    books = Remembered()
    begin_accounts(installation, books, ACCOUNTS, FLAT)
    rows: list[Row] = []
    for each in (8, 1):
        _store_hints(installation, each, f"bound-{each}")
        bound = _timed(lambda: _settle_only(installation, books))
        mark_all(installation)
        while attend_due(installation, cast("Books", books), 500):
            pass
        _store_hints(installation, each, f"real-{each}")
        tell(f"settling: {each} hints for each account")
        took = _timed(lambda: _settle(installation, books))
        hints = ACCOUNTS * each
        rows += [
            (
                f"webhooks settled, {each} for each account, nobody attended",
                f"{hints / bound:,.0f}/s",
                "1",
                "",
            ),
            (
                f"webhooks settled, {each} for each account",
                f"{hints / took:,.0f}/s",
                f"{bound / took:.3f}",
                ">= 1000/s" if each == 8 else "",
            ),
        ]
    installation.store.close()
    return rows


def _month_end(folder: Path, tell: Callable[[str], None]) -> list[Row]:
    tell(f"month end: {CLOSED_ACCOUNTS} accounts subscribe")
    installation = _installation(folder)
    clock = installation.clock
    assert isinstance(clock, FrozenClock)
    names = [f"account-{number}" for number in range(CLOSED_ACCOUNTS)]
    for name in names:
        made = create_organization(installation, name, external_id=name)
        subscribe(installation, made.billing_account, "pro")
        with installation.store.write() as tx:
            customers.link(
                tx, made.billing_account, made.id, f"cus_{name}", email=None, at=clock.now()
            )
    clock.set(START + timedelta(days=10))
    for start in range(0, len(names), 500):
        ingest(installation, [_used(name) for name in names[start : start + 500]])
    clock.set(add_months(START, 1) + timedelta(minutes=31))
    bound = _timed(lambda: _commit_each(installation, CLOSED_ACCOUNTS))
    tell("month end: closing")
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    invoices: list[Any] = []
    took = _timed(lambda: invoices.extend(close_due(installation)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(invoices) == CLOSED_ACCOUNTS, len(invoices)
    assert all(len(invoice.lines) == 5 for invoice in invoices), "five lines each"
    installation.store.close()
    return [
        ("month end: one commit an account", f"{bound:.1f} s", "1", ""),
        (
            f"month end of {CLOSED_ACCOUNTS:,} accounts x 5 lines",
            f"{took:.1f} s",
            f"{took / bound:.1f}",
            "<= 60 s",
        ),
        (
            "... memory at its highest",
            f"{peak // 1024} MB (before: {before // 1024})",
            "",
            "<= 500 MB",
        ),
    ]


def _installation(folder: Path) -> Installation:
    store = open_store(f"sqlite:///{folder}/bench.db")
    migrate(store)
    clock = FrozenClock(START)
    installation = Installation(store, clock, IdSource(clock, repeatable_bits()))
    apply(installation, CATALOG)
    return installation


def begin_accounts(
    installation: Installation, books: Remembered, count: int, flat: tuple[str, int]
) -> None:
    """Accounts that have bought the plan `pro`, and whose first invoice is paid.

    `flat` is the key of its flat price, and what it comes to, in cents.
    """
    key, amount = flat
    found = current(installation)
    assert found is not None
    prices = {price.key: price for price in prices_to_hold(found[1])}
    first = Period(START, add_months(START, 1))
    for number in range(count):
        made = create_organization(installation, f"account-{number}", external_id=f"a{number}")
        customer, there = f"cus_{number}", f"sub_{number}"
        items = tuple(
            SeenItem(
                f"si_{number}_{name}",
                FoundPrice(f"price_{name}", name, price, made_for=name),
                None if price.meter else 1,
                first,
            )
            for name, price in prices.items()
        )
        with installation.store.write() as tx:
            purchase = Purchase(
                id=installation.ids.new("pur"),
                organization=made.id,
                billing_account=made.billing_account,
                plan="pro",
                interval="month",
                currency="usd",
                catalog_version=found[0],
                way="direct",
                created_at=START,
                provider_id=there,
            )
            customers.link(tx, made.billing_account, made.id, customer, email=None, at=START)
            purchases.add(tx, purchase)
        books.shown[customer] = Seen(
            START,
            SeenCustomer(customer, made.billing_account),
            (SeenSubscription(there, "active", START, START, items, purchase=purchase.id),),
            (
                SeenInvoice(
                    id=f"in_{number}",
                    status="paid",
                    reason="subscription_create",
                    currency="usd",
                    created_at=START,
                    lines=(SeenLine("flat", amount, first, key),),
                    total=amount,
                    subscription=there,
                    paid_at=START,
                ),
            ),
        )
    mark_all(installation)
    while attend_due(installation, cast("Books", books), 500):
        pass


def _store_hints(installation: Installation, each: int, name: str) -> None:
    body = json.dumps(
        {
            "data": {"object": {"id": "in_1", "object": "invoice", "customer": "cus_0"}},
            "filler": "x" * 3000,
        }
    )
    hints = [
        NewHint(
            id=f"evt_{name}_{number}_{turn}",
            type="invoice.paid",
            thin=False,
            created=START,
            api_version=None,
            received_at=installation.now,
            state="waiting",
            body=body.replace("cus_0", f"cus_{number}").encode(),
        )
        for turn in range(each)
        for number in range(ACCOUNTS)
    ]
    with installation.store.write() as tx:
        inbox.keep(tx, hints)


def _settle(installation: Installation, books: Remembered) -> None:
    while settle_due(installation, cast("Books", books)) + attend_due(
        installation, cast("Books", books), 500
    ):
        pass


def _settle_only(installation: Installation, books: Remembered) -> None:
    while settle_due(installation, cast("Books", books)):
        pass


def _used(name: str) -> Incoming:
    used = {"gb": Decimal(7), "hours": Decimal("12.5"), "mb": Decimal(2500)}
    return Incoming(
        id=name,
        source="bench",
        type="api.call",
        subject=name,
        time=START + timedelta(days=5),
        data=used,
    )


def _commit_each(installation: Installation, count: int) -> None:
    for number in range(count):
        with installation.store.write() as tx:
            tx.execute(
                text("INSERT INTO provider_state (name, value) VALUES (:name, '')"),
                {"name": f"bound-{number}"},
            )


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started

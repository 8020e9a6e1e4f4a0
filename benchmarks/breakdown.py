"""How long does the cost breakdown of an organization with 10,000 resources take?

The resources lie in 50 projects, one in ten began within the month; each has sent a reading in
the month. They are billed by counted prices of three types, by compute hours out of their states,
and by the readings. The world is made by bulk inserts, the invoice by the close itself. The bound
is a read transaction that asks one question. On a machine that others use, too, the processor's
time says more than the clock's.

    python -m benchmarks breakdown
"""

import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from benchmarks.ingestion import ENGINES, fresh
from tallygate.accounts.model import Organization
from tallygate.adapters.store import Transaction, events
from tallygate.adapters.store.bulk import Insert
from tallygate.app import settle_in
from tallygate.core.period import to_micros
from tallygate.testing import FrozenClock
from tallygate.workflows.accounts import create_organization
from tallygate.workflows.close import close_due
from tallygate.workflows.ingest import Batch, Incoming, write_group
from tallygate.workflows.installation import Installation
from tallygate.workflows.publish import apply
from tallygate.workflows.questions.breakdown import Asked, dimensions, of_invoice, of_open_period
from tallygate.workflows.subscribe import subscribe

START = datetime(2026, 3, 1, 9, 17, 31, tzinfo=UTC)
MONTH_LATER = datetime(2026, 4, 1, 9, 17, 31, tzinfo=UTC)
RESOURCES, PROJECTS = 10_000, 50
ROUNDS = 40
GOAL = "p99 <= 200 ms"
TYPES = ("vm.small", "vm.medium", "vm.large")
CATALOG = """
name: breakdown
currency: usd
meters:
  cuh: {event: resource, value: running * (vcpu + 0.2 * ram_gb), aggregation: time_weighted}
  traffic: {event: traffic, value: gb, aggregation: sum}
plans:
  pro:
    name: Pro
    prices:
      - {key: base, flat: "99.00", every: month}
      - {key: cuh, meter: cuh, included: 1000, per_unit: "0.001"}
      - {key: traffic, meter: traffic, per_unit: "0.01"}
prices:
  - {key: small, per_unit: "5.00", every: month}
  - {key: medium, per_unit: "9.00", every: month}
  - {key: large, per_unit: "17.00", every: month}
resources:
  vm.small: {price: small, spec: {vcpu: 1, ram_gb: 2}, cost: {amount: "1.50", every: month}}
  vm.medium: {price: medium, spec: {vcpu: 2, ram_gb: 4}, cost: {amount: "3.00", every: month}}
  vm.large: {price: large, spec: {vcpu: 4, ram_gb: 8}, cost: {amount: "6.00", every: month}}
"""
SPECS = {"vm.small": (1, 2), "vm.medium": (2, 4), "vm.large": (4, 8)}

Row = tuple[str, str, str, str]

_PROJECTS = Insert(
    "projects",
    (("id", str), ("organization", str), ("name", str), ("created_at", int)),
    "",
)
_SUBJECTS = Insert(
    "subjects",
    (("organization", str), ("alias", str), ("subject", str), ("kind", str)),
    "",
)
_RESOURCES = Insert(
    "resources",
    (
        *(("id", str), ("organization", str), ("project", str), ("type", str)),
        ("created_at", int),
    ),
    "",
)
_STATES = Insert(
    "resource_states",
    (
        *(("resource", str), ("since", int), ("organization", str), ("type", str)),
        *(("running", int), ("fields", str)),
    ),
    "",
)


def measure(tell: Callable[[str], None]) -> list[Row]:
    """The rows of the table: what, measured, ratio, goal."""
    rows: list[Row] = []
    for engine in ENGINES:
        with fresh(engine) as url:
            rows += _one_engine(engine, url, tell)
    return rows


def _one_engine(engine: str, url: str, tell: Callable[[str], None]) -> list[Row]:
    from benchmarks.world import installation  # noqa: PLC0415 the two know each other's server

    rows: list[Row] = []
    with installation(url) as live:
        clock = FrozenClock(START)
        here = Installation(live.store, clock, live.ids)
        tell(f"{engine}: an organization with {RESOURCES:,} resources")
        apply(here, CATALOG)
        organization = create_organization(here, "acme")
        with here.store.write() as tx:
            _furnish(tx, organization)
        account = organization.billing_account
        subscribe(here, account, "pro")
        clock.advance(timedelta(days=4))  # a reading from the future would be refused
        for group in _readings():
            write_group(here, [Batch(group, organization.id)])
        clock.set(MONTH_LATER + timedelta(hours=1))
        [invoice] = close_due(here)
        clock.advance(timedelta(days=9))
        settle_in()  # as `serve` does
        bound, _ = _timed(lambda: _ask(here))
        middle = statistics.median(bound)
        rows.append((f"{engine}: bound, one question", f"{middle:.2f} ms", "1", ""))
        for by in ("project", "resource", "meter", "day", "project,day"):
            asked = Asked(dimensions(by), costs=True)
            tell(f"{engine}: an invoice by {by}")
            found = _timed(lambda asked=asked: of_invoice(here, invoice.id, asked))  # type: ignore[misc]  # bound now
            rows.append(_told(f"{engine}: an invoice by {by}", found, middle))
        for by in ("project", "resource"):
            asked = Asked(dimensions(by), costs=True)
            tell(f"{engine}: the open period by {by}")
            found = _timed(lambda asked=asked: of_open_period(here, account, asked))  # type: ignore[misc]  # bound now
            rows.append(_told(f"{engine}: the open period by {by}", found, middle))
    return rows


def _told(name: str, found: tuple[list[float], list[float]], bound: float) -> Row:
    took, worked = found
    text = (
        f"median {statistics.median(took):.0f}, slowest {max(took):.0f} ms "
        f"(processor {statistics.median(worked):.0f}, {max(worked):.0f} ms)"
    )
    return name, text, f"{statistics.median(took) / bound:.0f}", GOAL


def _furnish(tx: Transaction, organization: Organization) -> None:
    """The projects and resources, as if each had been created by an event."""
    since = to_micros(START)
    projects = [f"prj_{number:026d}" for number in range(PROJECTS)]
    _PROJECTS.run(tx, [(one, organization.id, one, since) for one in projects])
    resources, states, subjects = [], [], []
    for number in range(RESOURCES):
        name, kind = f"res_{number:026d}", TYPES[number % len(TYPES)]
        began = since + number % 10 // 9 * (number % 25) * 86_400_000_000
        vcpu, ram = SPECS[kind]
        fields = json.dumps({"ram_gb": [str(ram)], "vcpu": [str(vcpu)]}, separators=(",", ":"))
        resources.append((name, organization.id, projects[number % PROJECTS], kind, began))
        states.append((name, began, organization.id, kind, 1, fields))
        subjects.append((organization.id, name, name, "resource"))
    _RESOURCES.run(tx, resources)
    _STATES.run(tx, states)
    _SUBJECTS.run(tx, subjects)


def _readings() -> list[list[Incoming]]:
    found = [
        Incoming(
            f"{number:09d}",
            "bench",
            "traffic",
            f"res_{number:026d}",
            START + timedelta(days=3, seconds=number * 7),
            {"gb": Decimal(number % 977)},
        )
        for number in range(RESOURCES)
    ]
    return [found[start : start + 5000] for start in range(0, RESOURCES, 5000)]


def _ask(here: Installation) -> None:
    with here.store.read() as tx:
        events.last_position(tx)


def _timed(run: Callable[[], object]) -> tuple[list[float], list[float]]:
    """How long each of some runs took, and how long the processor worked, in milliseconds."""
    run()
    took, worked = [], []
    for _ in range(ROUNDS):
        started, busy = time.perf_counter(), time.process_time()
        run()
        took.append((time.perf_counter() - started) * 1000)
        worked.append((time.process_time() - busy) * 1000)
    return took, worked

"""How long does the preview of a customer with a million events in the period take?

The events lie in the 30 days before the instant asked about, which is no whole hour, nor is the
period's start: both ends are read from the events. The bound is a read transaction that asks one
question.

    python -m benchmarks preview
"""

import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from benchmarks.ingestion import ENGINES, fresh
from tallygate.adapters.store import events
from tallygate.testing import FrozenClock
from tallygate.workflows.accounts import create_organization
from tallygate.workflows.ingest import Batch, Incoming, write_group
from tallygate.workflows.installation import Installation
from tallygate.workflows.publish import apply
from tallygate.workflows.questions.preview import preview
from tallygate.workflows.subscribe import subscribe

START = datetime(2026, 3, 1, 9, 17, 31, tzinfo=UTC)
DAYS = 30
VALUES = 20_000
ROUNDS = 15
GOALS = {"sum": 50, "unique": 300, "time_weighted": 300}
CATALOG = """
name: preview
currency: usd
meters:
  a_sum: {event: llm.tokens, value: tokens, aggregation: sum}
  a_unique: {event: llm.tokens, value: user, aggregation: unique}
  a_time_weighted: {event: llm.tokens, value: tokens, aggregation: time_weighted}
plans:
  sum: {name: Sum, prices: [{key: s, meter: a_sum, per_unit: "0.0001"}]}
  unique: {name: Unique, prices: [{key: u, meter: a_unique, per_unit: "0.01"}]}
  time_weighted: {name: Held, prices: [{key: t, meter: a_time_weighted, per_unit: "0.01"}]}
"""

Row = tuple[str, str, str, str]


def measure(count: int, tell: Callable[[str], None]) -> list[Row]:
    """The rows of the table: what, measured, ratio, goal."""
    rows: list[Row] = []
    for engine in ENGINES:
        with fresh(engine) as url:
            rows += _one_engine(engine, url, count, tell)
    return rows


def _one_engine(engine: str, url: str, count: int, tell: Callable[[str], None]) -> list[Row]:
    from benchmarks.world import installation  # noqa: PLC0415 the two know each other's server

    rows: list[Row] = []
    with installation(url) as live:
        clock = FrozenClock(START)
        here = Installation(live.store, clock, live.ids)
        apply(here, CATALOG)
        accounts = {}
        for plan in GOALS:
            name = f"customer-{plan}"
            account = create_organization(here, plan, external_id=name).billing_account
            subscribe(here, account, plan)
            accounts[plan] = account
        clock.set(START + timedelta(days=DAYS))
        for plan in GOALS:
            tell(f"{engine}: storing {count:,} events of one customer ({plan})")
            for group in _events(f"customer-{plan}", count):
                write_group(here, [Batch(group)])
        _settle(here)
        at = START + timedelta(days=DAYS, minutes=-1)
        bound = _median(lambda: _ask(here))
        rows.append((f"{engine}: bound, one question", f"{bound:.2f} ms", "1", ""))
        for plan, goal in GOALS.items():
            tell(f"{engine}: preview, {plan}")
            took = _median(lambda plan=plan: preview(here, accounts[plan], at))  # type: ignore[misc]  # bound now
            name = f"{engine}: preview, {plan} of {count:,} events"
            rows.append((name, f"{took:.1f} ms", f"{took / bound:.0f}", f"<= {goal} ms"))
    return rows


def _events(subject: str, count: int) -> Iterator[list[Incoming]]:
    step = timedelta(days=DAYS) / count
    group: list[Incoming] = []
    for number in range(count):
        fields = {"tokens": number % 977, "user": f"user-{number * 7919 % VALUES}"}
        at = START + step * number
        group.append(Incoming(f"{number:09d}", "bench", "llm.tokens", subject, at, fields))
        if len(group) == 10_000:
            yield group
            group = []
    yield group


def _settle(here: Installation) -> None:
    """Let Postgres tidy up now, after a month in two minutes, and not while previews are timed."""
    if here.store.dialect == "postgresql":
        with here.store.append() as tx:
            tx.exec_driver_sql("VACUUM ANALYZE")


def _ask(here: Installation) -> None:
    with here.store.read() as tx:
        events.last_position(tx)


def _median(run: Callable[[], object]) -> float:
    run()
    took = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        run()
        took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took)

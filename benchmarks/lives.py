"""How many events of resources' lives are taken in a second, to the quantity that they change?

In groups of a thousand, as the writer takes them, each group one transaction: the log, the names
of what is new, the states of the resources. A third of the events create, a third resize, a third
stop and start, among 20,000 resources in 200 organizations. The bound is as many usage events on
the same resources, in the same groups, within the same run. The processor's time is that of this
process: with SQLite the database is in it, Postgres is another.

    python -m benchmarks lives
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import count, islice

from benchmarks.ingestion import ENGINES, fresh
from benchmarks.resources import CATALOG, NOW, START, furnish, settle
from tallygate.core.ids import IdSource
from tallygate.testing import FrozenClock, repeatable_bits
from tallygate.workflows.ingest import Batch, Incoming, write_group
from tallygate.workflows.installation import Installation
from tallygate.workflows.publish import apply

RESOURCES = 20_000
GROUP = 1000
GROUPS = 10
GOAL = 2000
METERED = CATALOG.replace(
    "meters:\n", "meters:\n  calls: {event: api.call, value: calls, aggregation: sum}\n"
)

Row = tuple[str, str, str, str]


def measure(tell: Callable[[str], None]) -> list[Row]:
    """The rows of the table: what, measured, ratio, goal."""
    rows: list[Row] = []
    for engine in ENGINES:
        with fresh(engine) as url:
            rows += _one_engine(engine, url, tell)
    return rows


def _one_engine(engine: str, url: str, tell: Callable[[str], None]) -> list[Row]:
    from benchmarks.world import installation  # noqa: PLC0415 the two know each other's server

    with installation(url) as live:
        clock = FrozenClock(START)
        here = Installation(live.store, clock, IdSource(clock, repeatable_bits()))
        apply(here, METERED)
        tell(f"{engine}: {RESOURCES:,} resources")
        projects, resources = furnish(here, RESOURCES)
        settle(live.store)
        clock.set(NOW)
        rows: list[Row] = []
        bound = 0.0
        for title, events, goal in (
            ("bound, usage events", _usage(resources), ""),
            ("life events", _lives(projects, resources), f">= {GOAL}/s on Postgres"),
        ):
            tell(f"{engine}: {title}")
            rate, micros = _take(here, events)
            bound = bound or rate
            shown = f"{rate:,.0f}/s, {micros:.0f} us of the processor each"
            rows.append((f"{engine}: {title}", shown, f"{rate / bound:.2f}", goal))
        return rows


def _take(here: Installation, events: Iterator[Incoming]) -> tuple[float, float]:
    """How many a second, and how many microseconds of the processor each took."""
    groups = [list(islice(events, GROUP)) for _ in range(GROUPS + 1)]
    _accept(here, groups[0])  # statements are prepared, pages are read
    processor, started = time.process_time(), time.perf_counter()
    for group in groups[1:]:
        _accept(here, group)
    took, busy = time.perf_counter() - started, time.process_time() - processor
    total = GROUP * GROUPS
    return total / took, busy / total * 1e6


def _accept(here: Installation, group: Sequence[Incoming]) -> None:
    [verdicts] = write_group(here, [Batch(group)])
    assert verdicts.accepted == len(group), verdicts


def _usage(resources: Sequence[str]) -> Iterator[Incoming]:
    for number in count():
        at = NOW - timedelta(seconds=100) + timedelta(milliseconds=number)
        named = resources[(number * 7) % len(resources)]
        calls = Decimal(number % 8 + 1)
        yield Incoming(f"u{number}", "bench", "api.call", named, at, {"calls": calls})


def _lives(projects: Sequence[str], resources: Sequence[str]) -> Iterator[Incoming]:
    for number in count():
        at = NOW - timedelta(seconds=100) + timedelta(milliseconds=number)
        kind = ("created", "resized", "stopped", "created", "resized", "started")[number % 6]
        said: dict[str, object] = {}
        if kind == "created":
            named, project = f"vm-{number}", projects[number % len(projects)]
            said = {"project": project, "type": "vm"}
        elif kind == "resized":
            named, said = (
                resources[(number * 7) % len(resources)],
                {"vcpu": Decimal(number % 8 + 1)},
            )
        else:
            named = resources[(number * 11) % len(resources)]
        yield Incoming(f"l{number}", "bench", f"resource.{kind}", named, at, said)

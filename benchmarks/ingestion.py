"""How many events a second are taken in, beside the bound of the same run?

Each acknowledged event is durable, deduplicated, rolled up, and its verdict read. The bound is the
same server with the same decoder, storing nothing, in the same run.

    python -m benchmarks ingestion --seconds 60
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.world import Load, database, furnish, preload, put_under, serving

ENGINES = ("sqlite", "postgres")
BATCH, BATCH_CONNECTIONS = 1000, 32
SINGLE_CONNECTIONS = 128
PRELOADED = 1_000_000
GOALS = {"ordered": 0.045, "random": 0.025, "single": 0.3}
MOST_MEMORY = 400.0

Row = tuple[str, str, str, str]


def measure(seconds: float, preloaded: int, tell: Callable[[str], None]) -> list[Row]:
    """The rows of the table: what, measured, ratio, goal."""
    batch = Load("ordered", BATCH, BATCH_CONNECTIONS, seconds)
    single = Load("ordered", 1, SINGLE_CONNECTIONS, seconds)
    rows: list[Row] = []
    for engine in ENGINES:
        rows += _one_engine(engine, batch, single, preloaded, tell)
    return rows


@contextmanager
def fresh(engine: str) -> Iterator[str]:
    """The address of an empty database, which is gone afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="tallygate-bench-") as folder,
        database(engine, Path(folder)) as url,
    ):
        yield url


def _one_engine(
    engine: str, batch: Load, single: Load, preloaded: int, tell: Callable[[str], None]
) -> list[Row]:
    with fresh(engine) as url:
        key = furnish(url)
        tell(f"{engine}: the bound")
        with serving(url, bound=True) as server:
            whole = put_under(server, key, batch)["events_per_second"]
            each = put_under(server, key, single)["events_per_second"]
        rows = [
            (f"{engine}: bound, batches of {BATCH}", f"{whole:,.0f}/s", "1", ""),
            (f"{engine}: bound, single events", f"{each:,.0f}/s", "1", ""),
        ]
        tell(f"{engine}: from an empty store")
        rows += _case(url, key, f"{engine}: ordered ids, from empty", batch, whole)
    for ids in ("ordered", "random"):
        with fresh(engine) as url:
            key = furnish(url)
            tell(f"{engine}: storing {preloaded:,} events with {ids} ids")
            preload(url, preloaded, ids)
            tell(f"{engine}: {ids} ids")
            name = f"{engine}: {ids} ids, {preloaded:,} stored"
            load = Load(ids, BATCH, BATCH_CONNECTIONS, batch.seconds)
            rows += _case(url, key, name, load, whole, goal=GOALS[ids])
            if ids == "ordered":
                name = f"{engine}: single events, {preloaded:,} stored"
                rows += _case(url, key, name, single, each, goal=GOALS["single"])
    return rows


def _case(
    url: str, key: str, name: str, load: Load, bound: float, *, goal: float = 0
) -> list[Row]:
    with serving(url, bound=False) as server:
        found = put_under(server, key, load)
        memory = server.peak_memory()
    speed = found["events_per_second"]
    shown = f"{speed:,.0f}/s (p50 {found['p50_ms']:.0f}, p99 {found['p99_ms']:.0f} ms)"
    return [
        (name, shown, f"{speed / bound:.3f}", f">= {goal}" if goal else ""),
        ("  memory of the server", f"{memory:.0f} MB", "", f"<= {MOST_MEMORY:.0f} MB"),
    ]

"""M6: whatever the order and the delay, all invoices together bill every event once."""

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tallygate.adapters.store import invoices
from tallygate.workflows import contracts
from tallygate.workflows.change import cancel
from tallygate.workflows.ingest import Incoming, ingest

CATALOG = """
name: test
currency: usd
meters:
  calls: {event: call, value: n, aggregation: sum}
  level: {event: gauge, value: n, aggregation: time_weighted}
  people: {event: login, value: who, aggregation: unique}
plans:
  pro:
    name: Pro
    prices:
      - {key: calls_made, meter: calls, graduated: [{up_to: 500, unit: "0.03"}, {unit: "0.01"}]}
      - {key: level_had, meter: level, per_unit: "0.0007"}
      - {key: people_seen, meter: people, package: {size: 3, price: "1.00"}}
"""

START = datetime(2026, 1, 31, tzinfo=UTC)
BOUNDARIES = [datetime(2026, m, d, tzinfo=UTC) for m, d in ((2, 28), (3, 31), (4, 30))]
HOUR = timedelta(hours=1)


def happened(seed: int, count: int) -> list[tuple[datetime, datetime, str, int]]:
    """(time, arrival, type, value), in the order of arrival; delays of 0 to 35 days."""
    chance = random.Random(seed)  # noqa: S311  # a game, not a secret
    span = (BOUNDARIES[-1] - START) // HOUR
    found = []
    for _ in range(count):
        at = START + chance.randrange(span * 60) * (HOUR / 60)
        delay = timedelta() if chance.random() < 0.5 else chance.randrange(35 * 24) * HOUR
        kind = chance.choice(["call", "gauge", "login"])
        found.append((at, at + delay, kind, chance.randrange(1, 20)))
    return sorted(found, key=lambda one: one[1])


def billed(platform: Any, events: list[tuple[datetime, datetime, str, int]]) -> dict[str, int]:
    """What all invoices, and what was written off, come to, by price."""
    platform.publish(CATALOG)
    platform.clock.set(START)
    subscription = platform.subscribed("pro")
    waiting = [*BOUNDARIES]
    for number, (at, arrival, kind, value) in enumerate(events):
        while waiting and arrival >= waiting[0] + timedelta(minutes=30):
            platform.close(waiting.pop(0))
            platform.close()
            if len(waiting) == 1:
                cancel(platform.installation, subscription.id)
        platform.clock.set(arrival)
        fields = {"who": f"u{value}"} if kind == "login" else {"n": Decimal(value)}
        event = Incoming(f"e{number}", "test", kind, "acme", at, fields)
        assert ingest(platform.installation, [event]).accepted == 1
    for boundary in [*waiting, BOUNDARIES[-1] + timedelta(days=60)]:
        platform.close(boundary)
    platform.close()
    sums: dict[str, int] = defaultdict(int)
    with platform.installation.store.read() as tx:
        made = invoices.of_subscription(tx, subscription.id)
        written = invoices.latest_write_off(tx, subscription.id)
    lines = [line for invoice in made for line in invoice.lines]
    for line in [*lines, *(written.lines if written is not None else ())]:
        sums[line.price] += line.net
    return dict(sums)


def owed(events: list[tuple[datetime, datetime, str, int]]) -> dict[str, int]:
    """The same from the events alone, in fractions."""
    sums: dict[str, int] = defaultdict(int)
    gauge = sorted((at, place) for place, (at, _, kind, _) in enumerate(events) if kind == "gauge")
    for start, end in zip([START, *BOUNDARIES], BOUNDARIES, strict=False):
        inside = [one for one in events if start <= one[0] < end]
        calls = sum(value for _, _, kind, value in inside if kind == "call")
        sums["calls_made"] += _round(Fraction(min(calls, 500) * 3 + max(calls - 500, 0)))
        people = len({value for _, _, kind, value in inside if kind == "login"})
        sums["people_seen"] += -(-people // 3) * 100
        area = Fraction(0)
        for (at, place), (until, _) in zip(gauge, [*gauge[1:], (end, 0)], strict=True):
            shared = min(max(until, start), end) - min(max(at, start), end)
            area += events[place][3] * Fraction(shared // (HOUR / 60), 60)
        hours = Fraction(_round(area * 10**6), 10**6)
        sums["level_had"] += _round(hours * Fraction(7, 100))
    return dict(sums)


def _round(exact: Fraction) -> int:
    return int(exact + Fraction(1, 2))


@pytest.mark.parametrize("seed", range(4))
def test_every_event_is_billed_once_however_late(platform: Any, seed: int) -> None:
    events = happened(seed, 120)
    assert billed(platform, events) == owed(events)


def test_on_each_engine(each_platform: Any) -> None:
    events = happened(99, 60)
    assert billed(each_platform, events) == owed(events)


def test_dropping_what_comes_after_the_close_would_be_seen(
    platform: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr(contracts, "late_lines", lambda *_: [])
    events = happened(0, 120)
    assert billed(platform, events) != owed(events)

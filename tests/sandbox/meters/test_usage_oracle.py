"""Usage against a plain recount of all events, for random events and random windows.

The recount knows nothing of the sandbox: it looks at every event for every question. Chunks are
made tiny, so that they split and shrink often. One draw in three reads its world from a file that
another one wrote.
"""

import random
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from tests.sandbox.conftest import START
from tests.sandbox.meters.conftest import DAY, HOUR

from tallygate_sandbox.meters import ledger, queue, usage
from tallygate_sandbox.meters.checks import event_of
from tallygate_sandbox.world import SandboxClock, World

DRAWS = 300
CUSTOMERS = ("cus_a", "cus_b")
WINDOWS = {"hour": HOUR, "day": DAY, None: None}


@dataclass(frozen=True)
class Sent:
    """One event as it was sent, in the order of sending."""

    customer: str
    at: int
    value: str
    identifier: str


def recount(formula: str, window: int | None, mine: list[Sent], start: int, end: int) -> Decimal:
    """The total of one customer's events, in the order of sending."""
    if window:
        survivors = []
        for event in mine:
            same = [other for other in mine if other.at // window == event.at // window]
            newest = max(other.at for other in same)
            if event is [other for other in same if other.at == newest][-1]:
                survivors.append(event)
        mine = survivors
    inside = [event for event in mine if start <= event.at < end]
    if formula == "count":
        return Decimal(len(inside))
    if formula == "sum":
        return sum((Decimal(event.value) for event in inside), Decimal(0))
    newest = max((event.at for event in inside), default=0)
    return Decimal(([e.value for e in inside if e.at == newest] or ["0"])[-1])


def new_world(formula: str, window: str | None, file: Path | None) -> World:
    world = World(SandboxClock(START), 1, file)
    with world.transaction():
        for customer in CUSTOMERS:
            world.add({"id": customer, "object": "customer", "test_clock": None})
        world.add(
            {
                "id": "mtr_1",
                "object": "billing.meter",
                "customer_mapping": {"event_payload_key": "who", "type": "by_id"},
                "default_aggregation": {"formula": formula},
                "event_name": "used",
                "event_time_window": window,
                "status": "active",
                "value_settings": {"event_payload_key": "much"},
            }
        )
    return world


def instants(rng: random.Random) -> Callable[[], int]:
    """Few or many different instants, rising or in any order."""
    step = rng.choice([1, 60, HOUR, 4 * HOUR])
    rising = iter(range(START - 30 * DAY, START, rng.choice([600, HOUR])))
    if rng.random() < 0.4:
        return lambda: next(rising)
    return lambda: START - rng.randrange(1, 200) * step  # at most 34 days


def live(world: World, rng: random.Random) -> list[Sent]:
    """Send random events and take some of them back; gives those that count."""
    at, kept = instants(rng), []
    for number in range(rng.randrange(0, 60)):
        value = rng.choice(["0", "1", "-3", "25", "0.5", "-0.001", "999999999999999"])
        one = Sent(rng.choice(CUSTOMERS), at(), value, f"n{number}")
        with world.transaction():
            send(world, one)
        kept.append(one)
        if rng.random() < 0.15:
            gone = rng.choice(kept)
            kept.remove(gone)
            with world.transaction():
                queue.cancel(world, gone.identifier)
        if rng.random() < 0.1:
            undone(world)
    return kept


def send(world: World, one: Sent) -> None:
    event = event_of(
        world,
        event_name="used",
        payload={"who": one.customer, "much": one.value},
        identifier=one.identifier,
        timestamp=one.at,
        request=None,
    )
    queue.accept(world, [event])


def undone(world: World) -> None:
    """A request that fails after it took an event."""
    with suppress(ZeroDivisionError), world.transaction():
        send(world, Sent("cus_a", START - DAY, "77", "undone"))
        raise ZeroDivisionError


def disagreements(draw: int, folder: Path) -> list[str]:
    """What usage and the recount say differently in one draw."""
    rng = random.Random(draw)  # noqa: S311  # a seed, to repeat a draw
    formula = rng.choice(["sum", "count", "last"])
    window = rng.choice(["hour", "day", None, None])
    file = folder / f"{draw}.db" if draw % 3 == 0 else None
    world = new_world(formula, window, file)
    events = live(world, rng)
    if file:
        world.close()
        world = World(SandboxClock(START), 1, file)
    wrong = []
    for _ in range(12):
        customer = rng.choice(CUSTOMERS)
        start = START - rng.randrange(0, 40 * DAY)
        end = start + rng.choice([0, 1, 60, HOUR, DAY, 3 * DAY + 7, 31 * DAY])
        if events and rng.random() < 0.5:  # windows that begin and end at an event
            start, end = (event.at for event in rng.choices(events, k=2))
        got = usage(world, "mtr_1", customer, start, end)
        mine = [event for event in events if event.customer == customer]
        due = recount(formula, WINDOWS[window], mine, start, end)
        if got != due:
            wrong.append(f"draw {draw}: {formula} {window} [{start}, {end}): {got} is not {due}")
    world.close()
    return wrong


@pytest.fixture
def _tiny_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "MAX_CHUNK", 4)


@pytest.mark.usefixtures("_tiny_chunks")
def test_usage_is_what_a_recount_gives(tmp_path: Path) -> None:
    wrong = [line for draw in range(DRAWS) for line in disagreements(draw, tmp_path)]
    assert wrong == []


@pytest.mark.usefixtures("_tiny_chunks")
@pytest.mark.parametrize(
    "defect",
    [
        ("bisect_right", bisect_left),  # of two at one instant the earlier to come is the last
        ("bisect_left", bisect_right),  # a window has its end and not its start
    ],
)
def test_a_wrong_ledger_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, defect: tuple[str, Callable[..., int]]
) -> None:
    monkeypatch.setattr(ledger, *defect)
    assert any(disagreements(draw, tmp_path) for draw in range(60))


def test_neighboring_windows_add_up(tmp_path: Path) -> None:
    for draw in range(40):
        rng = random.Random(draw)  # noqa: S311  # a seed, to repeat a draw
        window = rng.choice(["hour", "day", None])
        world = new_world(rng.choice(["sum", "count"]), window, None)
        live(world, rng)
        edges = sorted(START - rng.randrange(0, 35 * DAY) for _ in range(6))
        parts = [usage(world, "mtr_1", "cus_a", start, end) for start, end in pairwise(edges)]
        assert sum(parts) == usage(world, "mtr_1", "cus_a", edges[0], edges[-1])


def test_a_series_keeps_what_may_still_be_billed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "MAX_CHUNK", 4)
    world = new_world("sum", None, None)
    for month in range(60):
        world.clock.move_to(START + month * 30 * DAY)
        with world.transaction():
            ledger.record(world, "mtr_1", "cus_a", world.clock.now(), Decimal(1))
    now = world.clock.now()
    assert usage(world, "mtr_1", "cus_a", now - 3 * 365 * DAY, now + 1) == 37
    assert (
        37 <= usage(world, "mtr_1", "cus_a", 0, now + 1) <= 37 + 2 * 4
    )  # whole chunks, at a split
    assert world.objects.count(ledger.CHUNK) <= 12

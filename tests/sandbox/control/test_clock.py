"""One clock for the whole sandbox: read, moved, stopped, and played through in order."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from stripe import StripeClient
from tests.sandbox.conftest import START

from tallygate_sandbox.testing import RunningSandbox, running_sandbox
from tallygate_sandbox.world import World
from tallygate_sandbox.world.registry import TIMERS

DAY = 86_400


@pytest.fixture
def steps() -> Iterator[list[tuple[str, int]]]:
    """A timer of the test's own: what was played, and at which time."""
    played: list[tuple[str, int]] = []

    def step(world: World, ident: str) -> None:
        played.append((ident, world.now()))

    def fail(world: World, ident: str) -> None:
        raise RuntimeError("planted")

    def daily(world: World, ident: str) -> None:
        step(world, ident)
        world.set_timer("test.daily", {"id": ident}, world.now() + DAY)

    TIMERS["test.step"], TIMERS["test.daily"], TIMERS["test.fail"] = step, daily, fail
    yield played
    for name in ("test.step", "test.daily", "test.fail"):
        del TIMERS[name]


def set_timer(sandbox: RunningSandbox, name: str, ident: str, at: int) -> None:
    with sandbox.world.transaction():
        sandbox.world.set_timer(name, {"id": ident}, at)


def post(sandbox: RunningSandbox, body: Any) -> httpx2.Response:
    return httpx2.post(f"{sandbox.url}/_sandbox/clock", json=body)


def test_it_moves_to_an_instant_and_stands_there(sandbox: RunningSandbox) -> None:
    sandbox.advance_to(START + 10)
    said = {"now": START + 10, "running": False, "next_due": None, "deliveries_pending": 0}
    assert sandbox.control("clock") == said
    assert sandbox.control("clock", {"advance": 5})["now"] == START + 15


def test_steps_are_played_in_order_at_their_time(
    sandbox: RunningSandbox, steps: list[tuple[str, int]]
) -> None:
    set_timer(sandbox, "test.step", "c", START + 30)
    set_timer(sandbox, "test.step", "a", START + 20)
    set_timer(sandbox, "test.daily", "b", START + 20)
    sandbox.advance_to(START + 3 * DAY)
    daily = [("b", START + 20 + day * DAY) for day in range(3)]
    assert steps == [("a", START + 20), daily[0], ("c", START + 30), *daily[1:]]
    assert sandbox.control("clock")["next_due"] == START + 20 + 3 * DAY


def test_to_the_next_step_and_not_beyond(
    sandbox: RunningSandbox, steps: list[tuple[str, int]]
) -> None:
    set_timer(sandbox, "test.step", "a", START + 20)
    set_timer(sandbox, "test.step", "b", START + 20)
    set_timer(sandbox, "test.step", "c", START + 30)
    assert sandbox.control("clock", {"to_next": True, "to": START + 10})["now"] == START + 10
    assert steps == []
    assert sandbox.control("clock", {"to_next": True})["now"] == START + 20
    assert [name for name, _ in steps] == ["a", "b"]
    assert sandbox.control("clock", {"to_next": True, "to": START + 99})["now"] == START + 30
    assert sandbox.control("clock", {"to_next": True})["now"] == START + 30  # nothing is due


def test_it_runs_and_stands_still(sandbox: RunningSandbox, steps: list[tuple[str, int]]) -> None:
    set_timer(sandbox, "test.step", "a", START + 1)
    assert sandbox.control("clock", {"frozen": False})["running"] is True
    for _ in range(500):
        if steps:
            break
        threading.Event().wait(0.02)
    assert steps == [("a", START + 1)]  # by itself, and at its own time
    said = sandbox.control("clock", {"frozen": True})
    assert said["running"] is False
    assert START + 1 <= said["now"] < START + 60
    assert sandbox.control("clock")["now"] == said["now"]


def test_time_goes_on_from_where_it_stood() -> None:
    with running_sandbox() as sandbox:
        now = sandbox.control("clock")["now"]
        sandbox.control("clock", {"advance": 400 * DAY})
        stood = sandbox.control("clock", {"frozen": True})["now"]
        assert stood >= now + 400 * DAY
        assert stood <= sandbox.control("clock", {"frozen": False})["now"] < stood + 60
        for _ in range(500):
            if (now := sandbox.control("clock")["now"]) > stood:
                break
            threading.Event().wait(0.02)
        assert stood < now < stood + 60  # it does run


def test_requests_are_answered_while_time_moves(
    sandbox: RunningSandbox, client: StripeClient, steps: list[tuple[str, int]]
) -> None:
    met = threading.Event()

    def until_met(world: World, ident: str) -> None:
        threading.Event().wait(0.03)  # more than a slice
        if not met.is_set():
            world.set_timer("test.step", {"id": ident}, world.now() + 60)

    TIMERS["test.step"] = until_met
    set_timer(sandbox, "test.step", "a", START + 60)
    with ThreadPoolExecutor(1) as pool:
        moving = pool.submit(sandbox.advance_to, START + 3650 * DAY)
        try:
            while not client.v1.customers.create({}).created > START:
                assert not moving.done()
        finally:
            met.set()
        moving.result()
    assert sandbox.control("clock")["now"] == START + 3650 * DAY


def test_a_step_that_fails_is_named_and_the_clock_stands_there(
    sandbox: RunningSandbox,
    client: StripeClient,
    steps: list[tuple[str, int]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    set_timer(sandbox, "test.fail", "broken", START + 20)
    set_timer(sandbox, "test.step", "later", START + 30)
    answer = post(sandbox, {"to": START + 40})
    assert answer.status_code == 500
    said = answer.json()["error"]["message"]
    assert "test.fail of broken" in said
    assert "planted" in said
    assert sandbox.control("clock")["now"] == START + 20
    assert steps == []
    assert "planted" in caplog.text
    assert client.v1.customers.create({}).created == START + 20  # the rest goes on


@pytest.mark.parametrize(
    "body",
    [
        {"to": START - 1},
        {"to": -1},
        {"to": "tomorrow"},
        {"to": True},
        {"to": 1e300},
        {"to": 10**400},
        {"to": START, "advance": 1},
        {"advance": -1},
        {"advance": 2**63},
        {"advance": 253_402_300_799},
        {"frozen": "yes"},
        {"deliver": 1},
        {"until": START},
        [],
        "now",
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(sandbox: RunningSandbox, body: Any) -> None:
    answer = post(sandbox, body)
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"]["message"]
    assert sandbox.control("clock")["now"] == START


def test_a_page_of_another_site_cannot_move_it(sandbox: RunningSandbox) -> None:
    foreign = {"origin": "http://evil.example"}
    answer = httpx2.post(f"{sandbox.url}/_sandbox/clock", content=b"{}", headers=foreign)
    assert answer.status_code == 403
    own = {"origin": sandbox.url}
    assert httpx2.post(f"{sandbox.url}/_sandbox/clock", headers=own).status_code == 200
    rebound = {"host": "evil.example"}
    answer = httpx2.get(f"{sandbox.url}/_sandbox/clock", headers=rebound)
    assert answer.status_code == 403

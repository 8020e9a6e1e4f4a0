"""A process that dies anywhere, and another one that goes on: everything is billed once.

The places are the failpoints that stand in the code of the mirror, found by reading it, each in
turn; and between any two requests of one intent. Coverage is counted: a place that no scene comes
to fails the test.
"""

from collections.abc import Callable
from contextlib import ExitStack
from random import Random

import pytest
from tests.chaos.places import places
from tests.chaos.stage import SCENES, Killed, Past, Quiet

from tallygate.adapters.store import outbox
from tallygate.core.failpoints import armed


def killer(number: int, told: list[int]) -> Callable[[], None]:
    """Kills the process at the so-manieth time."""

    def act() -> None:
        told.append(1)
        if len(told) == number:
            raise Killed

    return act


def test_each_place_is_come_to(quiet: dict[str, Quiet]) -> None:
    never = set(places()) - {name for one in quiet.values() for name in one.hits}
    assert len(places()) > 30
    assert not never


def test_a_death_at_any_place_bills_nothing_twice_and_loses_nothing(
    past: Past, quiet: dict[str, Quiet], rounds: int
) -> None:
    """In the draw each place once, several deaths in one play; else ten times, one by one."""
    chance = Random(rounds)  # noqa: S311  # replayed by its seed
    for name, scene in SCENES.items():
        here = [place for place in places() if quiet[name].hits[place]]
        groups = [here[start::2] for start in range(2)] if rounds == 1 else [[one] for one in here]
        for group in groups * max(1, rounds):
            past.prepare(name)
            died: dict[str, list[int]] = {place: [] for place in group}
            with ExitStack() as stack:
                for place in group:
                    when = chance.randint(1, quiet[name].hits[place])
                    stack.enter_context(armed(place, killer(when, died[place])))
                scene(past)
            past.stage.agree()
            assert past.stage.differ() == [], (name, group)
            assert past.stage.every_bill() == quiet[name].bills, (name, group)


def test_a_death_between_two_requests_bills_nothing_twice(
    past: Past, quiet: dict[str, Quiet], rounds: int
) -> None:
    for name, scene in SCENES.items():
        for number in range(3, 400) if rounds > 1 else (31,):
            past.prepare(name)
            told: list[int] = []
            kill = killer(number, told)
            past.stage.near.trouble = lambda _method, _path, kill=kill: kill()  # type: ignore[misc]  # of this turn
            scene(past)
            past.stage.agree()
            assert past.stage.differ() == [], (name, number)
            assert past.stage.every_bill() == quiet[name].bills, (name, number)
            if len(told) < number:
                break


def test_a_customer_that_nobody_remembers_making_is_found(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted defect: whoever dies before the customer is linked makes it once more."""

    def forget(_tx: object, _account: str, _kind: str) -> None: ...

    monkeypatch.setattr(outbox, "last_answer", forget)
    past.prepare("busy_day")
    stage = past.stage
    dana = stage.tenant("dana")
    with armed("customer.commit.before", killer(1, [])):
        stage.insist(lambda: stage.buy(dana, "basic"))
    assert any("has the customers" in said for said in stage.differ())

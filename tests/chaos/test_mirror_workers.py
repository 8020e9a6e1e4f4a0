"""Two workers at once on one database: what one attends, the other leaves alone.

On a file of SQLite and on Postgres, each with a connection of its own, at a month's end and while
somebody buys. The planted defect is an account that both attend.
"""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, cast

import pytest
from tests.chaos.stage import EVENING, FEBRUARY, Past, Stage, play_an_evening

from tallygate.adapters.store import Store, attention, open_store
from tallygate.adapters.stripe import StripeBooks, open_client
from tallygate.collection.provider import Books
from tallygate.core.failpoints import armed
from tallygate.core.ids import IdSource
from tallygate.testing import repeatable_bits
from tallygate.workflows.change import cancel, change_plan
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.witness import watch
from tallygate.workflows.worker import mirror_turn, poll_turn, turn

WORKERS = 2


@pytest.fixture
def evening(store: Store) -> Past:
    return play_an_evening(store)


@pytest.fixture
def others(store: Store, evening: Past) -> Iterator[list[Installation]]:
    """One installation for each worker: the same database, through connections of its own."""
    here = evening.stage.installation
    made = []
    for number in range(WORKERS):
        address = store.writer_engine.url.render_as_string(hide_password=False)
        url = address if store.dialect == "postgresql" else f"sqlite:///{store.place}"
        ids = IdSource(here.clock, repeatable_bits(f"worker {number}"))
        made.append(
            Installation(open_store(url), here.clock, ids, here.settings, here.random_bits)
        )
    yield made
    for one in made:
        one.store.close()


def at_once(stage: Stage, others: list[Installation]) -> None:
    """Let all work at the same moment, until nobody has anything to do."""
    start = threading.Barrier(len(others))
    problems: list[BaseException] = []

    def work(here: Installation) -> None:
        client = open_client("sk_test_1", stage.near.url, http_client=stage.near, retries=0)
        books = StripeBooks(client, "Stripe", live=False)
        try:
            start.wait(30)
            for _ in range(4):
                poll_turn(here, books)
                turn(here)
                mirror_turn(here, books)
        except BaseException as problem:  # noqa: BLE001  # told by the test
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(one,)) for one in others]
    with armed("attend.looked", lambda: time.sleep(0.03)):  # so that nobody is done at once
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert problems == []


def raced(past: Past, others: list[Installation]) -> list[str]:
    """A month's end and two changes, with all at work; gives what differs in the end."""
    stage, here = past.stage, past.stage.installation
    change_plan(here, stage.subscription(past.accounts["initech"]).id, "pro")
    cancel(here, stage.subscription(past.accounts["acme"]).id, now=True)
    for minutes in (0, 25, 55, 120, 200):
        stage._set(EVENING + timedelta(minutes=minutes))
        at_once(stage, others)
    stage.agree(2)
    return stage.differ()


def test_two_workers_bill_once(evening: Past, others: list[Installation], rounds: int) -> None:
    assert rounds
    assert raced(evening, others) == []


def test_two_who_attend_the_same_account_are_found(
    evening: Past, others: list[Installation], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without leases both ask for the same: the outbox and the keys stand behind them, so what is
    found is that the same request was sent twice."""
    monkeypatch.setattr(attention, "_LEASE", attention._LEASE.values(leased_until=None))
    evening.stage.near.asked.clear()
    raced(evening, others)
    asked = [one for one in evening.stage.near.asked if one[0] == "POST" and "final" in one[1]]
    assert len(asked) > len(set(asked))


@pytest.mark.parametrize("place", ["witness.leave.before", "witness.leave.after"])
def test_two_workers_who_leave_a_word_at_once_shut_nobody(past: Past, place: str) -> None:
    past.prepare("busy_day")
    stage, here = past.stage, past.stage.installation
    stage._set(FEBRUARY + timedelta(hours=2))
    left = [place]

    def other() -> None:
        if left:
            left.clear()
            watch(here, stage.books)

    with armed(place, other):
        assert watch(here, stage.books)
    assert watch(here, stage.books)


class InBetween:
    """A provider's books, and what somebody else does just before or after the word is read."""

    def __init__(
        self, books: Books, before: Callable[[], object], after: Callable[[], object]
    ) -> None:
        self._books, self._before, self._after = books, before, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._books, name)

    def witness(self) -> str | None:
        self._before()
        there = self._books.witness()
        self._after()
        return there


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_word_that_another_worker_leaves_meanwhile_is_ours(past: Past, when: str) -> None:
    past.prepare("busy_day")
    stage, here = past.stage, past.stage.installation
    assert watch(here, stage.books)
    stage._set(FEBRUARY + timedelta(hours=2))
    left = [1]

    def other() -> None:
        if left:
            left.clear()
            assert watch(here, stage.books)

    does = {"before": bool, "after": bool} | {when: other}
    assert watch(here, cast("Books", InBetween(stage.books, **does)))
    assert not left
    assert watch(here, stage.books)

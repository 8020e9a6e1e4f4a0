"""Writers wait in a row, and who works in the background gives way."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tallygate.adapters.store import Store, Transaction, turns
from tallygate.adapters.store.turns import Turns


def test_whoever_waits_longest_has_the_next_turn() -> None:
    turns, order = Turns(), list[int]()
    assert turns.take(1)
    assert turns.thread == threading.get_ident()
    threads = []
    for number in range(5):

        def write(number: int = number) -> None:
            assert turns.take(60)
            order.append(number)
            turns.give_back()

        threads.append(threading.Thread(target=write))
        threads[-1].start()
        while len(turns._waiting) <= number:
            pass
    turns.give_back()
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]
    assert turns.thread is None


def test_one_that_never_rests_does_not_keep_others_waiting() -> None:
    """With a plain lock it would take its turn again and again before another one wakes up."""
    turns, came = Turns(), list[int]()

    def wait() -> None:
        assert turns.take(60)
        came.append(1)
        turns.give_back()

    assert turns.take(1)
    waiting = threading.Thread(target=wait)
    waiting.start()
    while not turns._waiting:
        pass
    turns.give_back()
    assert turns.take(60)
    assert came == [1]
    turns.give_back()
    waiting.join()


def test_whoever_gives_up_leaves_the_row() -> None:
    turns = Turns()
    assert turns.take(1)
    given_up: list[bool] = []
    other = threading.Thread(target=lambda: given_up.append(turns.take(0.01)))
    other.start()
    other.join()
    assert given_up == [False]
    turns.give_back()
    assert turns.take(0)
    turns.give_back()


def test_the_background_waits_for_those_who_answer(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LONGEST_GIVEN", 60)
    order = list[str]()
    gave = threading.Event()
    free = store.right_of_way._free

    class Waiting(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            gave.set()
            return free.wait(timeout)

    def work() -> None:
        for begin in (behind.write, behind.read):
            with begin():
                order.append("worked")

    behind = store.in_background().of("org_1").of(None)
    worker = threading.Thread(target=work)
    with store.right_of_way.held(), store.right_of_way.held():
        monkeypatch.setattr(store.right_of_way, "_free", Waiting())
        worker.start()
        assert gave.wait(60), "it began without a look at who waits"
        with store.write(), store.right_of_way.held():
            order.append("answered")
        monkeypatch.setattr(store.right_of_way, "_free", free)
    worker.join()
    assert order == ["answered", "worked", "worked"]


def test_the_background_comes_along_though_somebody_always_waits(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LONGEST_GIVEN", 0)
    with store.right_of_way.held(), store.in_background().write() as tx:
        assert tx.exec_driver_sql("SELECT 1").scalar() == 1


def test_the_background_gives_way_before_each_question_and_never_while_it_writes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    gave: list[None] = []
    monkeypatch.setattr(store.right_of_way, "give", lambda: gave.append(None))

    def given(begin: Callable[[], AbstractContextManager[Transaction]]) -> int:
        """How often it gave way for one question more."""
        counts = []
        for questions in (1, 2):
            gave.clear()
            with begin() as tx:
                for _ in range(questions):
                    tx.exec_driver_sql("SELECT 1")
            counts.append(len(gave))
        return counts[1] - counts[0]

    behind = store.in_background()
    assert given(behind.read) == 1
    assert given(behind.write) == 0
    assert given(store.read) == 0
    gave.clear()
    behind.give_way()
    store.give_way()
    assert len(gave) == 1

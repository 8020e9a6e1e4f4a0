"""A hint is kept once, with its first bytes, on both engines."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from tests.conftest import empty

from tallygate.adapters.store import Store, Transaction, inbox
from tallygate.adapters.store.inbox import NewHint
from tallygate.testing import START

BODY = bytes(range(256)) + b'{"id": "evt_1"}'  # no text, and with a zero in it


def hint(name: str = "evt_1", **more: object) -> NewHint:
    plain = NewHint(
        name, "invoice.paid", False, START, "2026-10-28.endive", START, "waiting", BODY
    )
    return plain._replace(**more)  # type: ignore[arg-type]  # fields of a NewHint


def test_it_comes_back_as_it_came(store: Store) -> None:
    thin = hint("evt_2", thin=True, api_version=None, body=b"", state="foreign")
    with store.write() as tx:
        assert inbox.keep(tx, [hint(), thin]) == [True, True]
    with store.read() as tx:
        for one in (hint(), thin):
            found = inbox.find(tx, one.id)
            assert found is not None
            assert found[:8] == one
            assert (found.deliveries, found.variants) == (1, 0)
        assert inbox.find(tx, "evt_3") is None


def test_again_is_counted_and_other_bytes_are_noted(store: Store) -> None:
    later = START + timedelta(hours=1)
    again = hint(received_at=later)
    other = hint(received_at=later, type="invoice.voided", body=BODY + b" ", state="foreign")
    with store.write() as tx:
        assert inbox.keep(tx, [hint(), again, other]) == [True, False, False]
    with store.write() as tx:
        assert inbox.keep(tx, [again, hint("evt_2")]) == [False, True]
        assert inbox.keep(tx, []) == []
    with store.read() as tx:
        found = inbox.find(tx, "evt_1")
        assert found is not None
        assert found[:8] == hint()
        assert (found.deliveries, found.variants) == (4, 1)


def test_what_waits_comes_in_the_order_of_arrival(store: Store) -> None:
    with store.write() as tx:
        for minute, name in enumerate(("evt_c", "evt_a", "evt_b")):
            inbox.keep(tx, [hint(name, received_at=START + timedelta(minutes=minute))])
        inbox.keep(tx, [hint("evt_d", state="other_version")])
    with store.read() as tx:
        assert [one.id for one in inbox.waiting(tx, 2)] == ["evt_c", "evt_a"]
        assert [one.id for one in inbox.waiting(tx, 9)] == ["evt_c", "evt_a", "evt_b"]
        assert inbox.counts(tx) == {"waiting": 3, "other_version": 1}


def test_what_is_settled_waits_no_more_and_is_deleted_in_time(store: Store) -> None:
    later = START + timedelta(days=1)
    with store.write() as tx:
        kept = [hint(f"evt_{name}") for name in "abcd"]
        kept.append(hint("evt_e", state="foreign"))
        kept.append(hint("evt_f", state="other_version"))
        inbox.keep(tx, kept)
        problems = {"evt_c": "Another account's.", "evt_none": "It never came."}
        done = ["evt_c", "evt_a", "evt_none", "evt_b"]
        inbox.settle(tx, done, later, foreign={"evt_c", "evt_none"}, problems=problems)
        inbox.settle(tx, [], later)
    with store.write() as tx:
        assert [one.id for one in inbox.waiting(tx, 9)] == ["evt_d"]
        settled, foreign, untouched = (inbox.find(tx, f"evt_{name}") for name in "acd")
        assert settled is not None
        assert foreign is not None
        assert untouched is not None
        assert (settled.state, settled.settled_at, settled.problem) == ("settled", later, None)
        assert (foreign.state, foreign.problem) == ("foreign", "Another account's.")
        assert (untouched.settled_at, untouched.problem) == (None, None)
        assert inbox.unsettled_before(tx, START) == ()
        assert inbox.unsettled_before(tx, later) == (untouched,)
        assert inbox.prune(tx, START) == 0
        assert inbox.prune(tx, later) == 1, "one that came as foreign, by its arrival"
        assert inbox.prune(tx, later + timedelta(microseconds=1)) == 3
        assert inbox.counts(tx) == {"waiting": 1, "other_version": 1}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE inbox SET state = 'lost'",
        "UPDATE inbox SET deliveries = 0",
        "UPDATE inbox SET variants = 1",
        "UPDATE inbox SET id = ''",
    ],
)
def test_the_table_refuses_what_cannot_be(store: Store, statement: str) -> None:
    with store.write() as tx:
        inbox.keep(tx, [hint()])
    with pytest.raises(IntegrityError), store.write() as tx:
        tx.execute(text(statement))


def test_on_postgres_hints_are_kept_while_another_one_writes(postgres_store: Store) -> None:
    empty(postgres_store)
    with postgres_store.write() as tx:
        inbox.keep(tx, [hint("evt_1")])
        assert _elsewhere(lambda: _kept(postgres_store, hint("evt_2"))) == [True]
    with postgres_store.read() as tx:
        assert inbox.counts(tx) == {"waiting": 2}


@pytest.mark.parametrize(
    "change",
    [
        lambda tx: inbox.keep(tx, [hint("evt_b"), hint("evt_a")]),
        lambda tx: inbox.settle(tx, ["evt_b", "evt_a"], START, foreign=["evt_b"]),
        lambda tx: inbox.prune(tx, START + timedelta(days=1)),
    ],
    ids=["keep", "settle", "prune"],
)
def test_several_hints_are_locked_in_the_order_of_their_ids(
    postgres_store: Store, change: Callable[[Transaction], object]
) -> None:
    """Who waits for the first of them has not locked the second one: nobody waits in a circle."""
    empty(postgres_store)
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    lock = "SELECT id FROM inbox WHERE id = %s FOR UPDATE NOWAIT"
    for name in ("evt_b", "evt_a"):  # in the order in which a table is read
        assert _kept(postgres_store, hint(name, state="foreign")) == [True]

    def run() -> None:
        with postgres_store.write() as tx:
            change(tx)

    with ThreadPoolExecutor(1) as pool, postgres_store.writer_engine.begin() as tx:
        tx.exec_driver_sql(lock, ("evt_a",))
        other = pool.submit(run)
        while not tx.exec_driver_sql(waits).scalar_one():
            assert not other.done(), "it waited for nobody"
        assert tx.exec_driver_sql(lock, ("evt_b",)).scalar_one() == "evt_b"
        tx.rollback()
        other.result(timeout=5)


def _kept(store: Store, *hints: NewHint) -> list[bool]:
    with store.append() as tx:
        return inbox.keep(tx, hints)


def _elsewhere(work: Callable[[], Any]) -> Any:
    """What comes of it on another thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(timeout=5)

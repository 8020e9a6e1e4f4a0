"""A database that was restored or cloned sends nothing until what Stripe holds was read.

The backup was taken at any moment of a month's end. What was sent since is not sent again: the
word that was left at Stripe tells that somebody has written there, and `adopt` takes over what is
there. Within the hour in which the word stays the same a look answers for all that was sent.
"""

from datetime import datetime, timedelta
from random import Random

import pytest
from tests.chaos.places import places
from tests.chaos.stage import EVENING, Past, Quiet, Saved, month_end

from tallygate.adapters.store import open_store
from tallygate.core.failpoints import armed
from tallygate.workflows import worker
from tallygate.workflows.change import change_plan
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.reconcile import adopt

LATER = EVENING + timedelta(hours=9)


def backed_up(past: Past, number: int) -> list[Saved]:
    """Play a month's end; gives the backup that was made after the so-manieth commit."""
    past.prepare("month_end")
    stage, kept, passed = past.stage, list[Saved](), 0

    def back_up() -> None:
        nonlocal passed
        passed += 1
        if passed == number:
            kept.append(stage.save())

    with armed("store.commit.after", back_up):
        month_end(past)
    stage.agree(1)
    return kept


def writes(past: Past) -> list[tuple[str, str]]:
    """What was asked to be changed of what is billed; the word that we leave is not."""
    return [one for one in past.stage.near.asked if one[0] != "GET" and "/products" not in one[1]]


def taken_over(past: Past) -> int:
    return adopt(past.stage.installation, past.stage.books, commit=True, told=lambda _said: None)


def test_a_restored_database_bills_nothing_again(
    past: Past, quiet: dict[str, Quiet], rounds: int
) -> None:
    assert "store.commit.after" in places()
    commits = quiet["month_end"].hits["store.commit.after"]
    chance = Random(rounds)  # noqa: S311  # replayed by its seed
    for number in [chance.randrange(1, commits) for _ in range(50 if rounds > 1 else 2)]:
        kept = backed_up(past, number)
        if not kept:
            continue
        stage = past.stage
        stage.restore(kept[0])
        stage.near.asked.clear()
        stage.go(LATER)
        shut = stage.clock.now() - kept[0].at > timedelta(hours=1)
        assert shut
        assert writes(past) == [], number
        assert taken_over(past) == 4
        stage.near.asked.clear()
        stage.agree()
        assert stage.differ() == [], number
        assert stage.every_bill() == quiet["month_end"].bills, number


def forgotten_upgrade(past: Past) -> list[tuple[str, str]]:
    """What a database sends that has forgotten an upgrade."""
    past.prepare("busy_day")
    stage = past.stage
    backup = stage.save()
    change_plan(stage.installation, stage.subscription(past.accounts["initech"]).id, "pro")
    stage.agree(2)
    stage.restore(backup)
    stage.near.asked.clear()
    stage.go(stage.clock.now() + timedelta(hours=2))
    return writes(past)


def test_what_was_forgotten_is_not_undone_before_it_was_read(past: Past) -> None:
    assert forgotten_upgrade(past) == []


def test_without_a_word_at_stripe_a_restored_database_would_undo_it(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted defect: nobody looks who has written there."""
    monkeypatch.setattr(worker, "watch", lambda _here, _books: True)
    assert forgotten_upgrade(past)


def test_what_was_bought_after_the_backup_is_taken_over(past: Past) -> None:
    past.prepare("busy_day")
    stage = past.stage
    dana = stage.tenant("dana")
    backup = stage.save()
    stage.complete(stage.buy(dana, "basic"))
    stage.agree(2)
    stage.restore(backup)
    stage.near.asked.clear()
    stage.go(stage.clock.now() + timedelta(hours=2))
    assert writes(past) == []
    assert taken_over(past) == 5
    stage.agree()
    assert stage.differ() == []
    assert [bill for bill in stage.every_bill() if bill[0] == "dana"] == [
        ("dana", "2026-02-10", 1000, "paid")
    ]


def test_the_original_notices_a_clone(past: Past) -> None:
    past.prepare("busy_day")
    stage, here = past.stage, past.stage.installation
    backup = stage.save()
    copy = open_store("sqlite://")
    backup.store.backup(copy.writer_engine.raw_connection().driver_connection)  # type: ignore[arg-type]  # sqlite3's own
    clone = Installation(copy, here.clock, here.ids, here.settings, here.random_bits)
    noon: datetime = stage.clock.now() + timedelta(hours=2)
    stage._set(noon)
    worker.poll_turn(clone, stage.books)
    stage.near.asked.clear()
    stage.send_calls(200)
    stage.go(noon + timedelta(hours=2))
    assert writes(past) == []
    copy.close()

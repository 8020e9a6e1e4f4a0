"""The worker closes what is due, again and again, and ends when told."""

import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from tallygate.core.errors import Conflict, Unreachable
from tallygate.core.failpoints import armed
from tallygate.workflows.close import close_due
from tallygate.workflows.contracts import contracts_of
from tallygate.workflows.worker import turn, worker

CATALOG = """
name: shop
currency: usd
plans:
  basic: {name: Basic, prices: [{key: basic, flat: "9.00", every: month}]}
"""


def test_a_turn_closes_what_is_due_and_the_next_finds_nothing(platform: Any) -> None:
    platform.publish(CATALOG)
    platform.subscribed("basic")
    assert turn(platform.installation) == 0
    platform.clock.set(datetime(2026, 3, 1, 0, 30, tzinfo=UTC))
    assert turn(platform.installation) == 2
    assert turn(platform.installation) == 0


def test_what_cannot_be_done_now_is_told_and_tried_again(
    platform: Any, caplog: pytest.LogCaptureFixture
) -> None:
    platform.publish(CATALOG)
    platform.subscribed("basic")
    platform.clock.set(datetime(2026, 2, 1, 0, 30, tzinfo=UTC))

    def away() -> None:
        raise Unreachable("The database went away.")

    with armed("close.commit.before", away):
        assert turn(platform.installation) == 0
    assert "The database went away." in caplog.text
    assert turn(platform.installation) == 1


def test_a_mistake_of_ours_is_told_and_does_not_end_the_worker(
    platform: Any, caplog: pytest.LogCaptureFixture
) -> None:
    platform.publish(CATALOG)
    platform.subscribed("basic")
    platform.clock.advance(timedelta(days=40))
    closed, broken = threading.Event(), threading.Event()

    def mistaken() -> None:
        if not broken.is_set():
            broken.set()
            raise ZeroDivisionError("of ours")

    with (
        armed("close.commit.before", mistaken),
        armed("close.commit.after", closed.set),
        worker(platform.installation, 1),
    ):
        assert closed.wait(10)
    assert "ZeroDivisionError: of ours" in caplog.text
    assert "Traceback" in caplog.text


def test_a_mistake_of_ours_in_one_subscription_does_not_keep_the_others_from_it(
    platform: Any, caplog: pytest.LogCaptureFixture
) -> None:
    platform.publish(CATALOG)
    spoiled, *others = [platform.subscribed("basic", name) for name in ("a", "b", "c")]
    platform.clock.set(datetime(2026, 2, 1, 0, 30, tzinfo=UTC))

    def mistaken(tx: Any, here: Any, wanted: Any, at: Any) -> Any:
        spoils = any(subscription.id == spoiled.id for subscription in wanted)
        return 1 / 0 if spoils else contracts_of(tx, here, wanted, at)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tallygate.workflows.close.contracts_of", mistaken)
        assert turn(platform.installation) == len(others)
        told = f"{spoiled.id}: A mistake of ours: ZeroDivisionError('division by zero')."
        assert told in caplog.text
        assert "Traceback" in caplog.text
        assert "periods to bill" not in caplog.text
        with pytest.raises(Conflict, match=spoiled.id):
            close_due(platform.installation)
    [late] = close_due(platform.installation)
    assert late.subscription == spoiled.id


def test_a_turn_closes_a_few_periods_and_warns_of_the_clock(
    platform: Any, caplog: pytest.LogCaptureFixture
) -> None:
    platform.publish(CATALOG)
    platform.subscribed("basic")
    platform.clock.set(datetime(2026, 6, 1, 0, 30, tzinfo=UTC))
    assert turn(platform.installation) == 3
    assert "have more than 3 periods to bill: the clock may be wrong" in caplog.text
    assert len(close_due(platform.installation, commit=False)) == 2
    assert len(close_due(platform.installation, commit=False, most=1)) == 1
    caplog.clear()
    assert turn(platform.installation) == 2
    assert "clock" not in caplog.text


def test_a_worker_that_is_switched_off_does_nothing(platform: Any) -> None:
    with worker(platform.installation, 0):
        assert not [one for one in threading.enumerate() if one.name == "tallygate-worker"]


def test_the_worker_works_beside_and_ends_with_the_block(platform: Any) -> None:
    platform.publish(CATALOG)
    platform.subscribed("basic")
    platform.clock.advance(timedelta(days=40))
    closed = threading.Event()
    with armed("close.commit.after", closed.set), worker(platform.installation, 1):
        assert closed.wait(10)
    assert not [one for one in threading.enumerate() if one.name == "tallygate-worker"]


def test_each_job_has_its_time_however_busy_the_mirror_is(
    platform: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day's look at every account keeps the mirror busy: it must not begin again with it."""
    seconds, done, over = 0.0, Counter[str](), threading.Event()

    def busy(*_: Any) -> int:
        nonlocal seconds
        seconds += 0.5
        done["mirror_turn"] += 1
        if seconds >= 601:
            over.set()
            time.sleep(0.001)  # so that the end is seen
        return 1

    monkeypatch.setattr("tallygate.workflows.worker.monotonic", lambda: seconds)
    monkeypatch.setattr("tallygate.workflows.worker.mirror_turn", busy)
    for job in ("turn", "poll_turn", "mark_all", "forget_hints"):

        def count(*_: Any, name: str = job) -> int:
            if not over.is_set():
                done[name] += 1
            return 0

        monkeypatch.setattr(f"tallygate.workflows.worker.{job}", count)
    with worker(platform.installation, 60, cast("Any", object())):
        assert over.wait(10)
    expected = {"turn": 11, "poll_turn": 3, "mark_all": 1, "forget_hints": 1}
    assert {name: done[name] for name in expected} == expected
    assert done["mirror_turn"] >= 1200

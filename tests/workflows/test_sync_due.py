"""Every account is reported in its time, by one worker, and none keeps the others from it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs
from tests.workflows.metered_world import DAY, HOUR, JANUARY, MeteredWorld, kill

from tallygate.adapters.store import installation as installations
from tallygate.collection.intents import Total
from tallygate.core.errors import Conflict, Unreachable
from tallygate.core.failpoints import armed
from tallygate.workflows.installation import Cadence
from tallygate.workflows.mirror import running_totals, sync
from tallygate.workflows.mirror import sync_due as due
from tallygate.workflows.mirror.identity import identity_of
from tallygate.workflows.mirror.running_totals import Mirrored
from tallygate.workflows.mirror.sync_due import Round, slot_of, sync_due

NAMES = ("acme", "globex", "initech", "umbrella")


@pytest.fixture
def four(metered: MeteredWorld, monkeypatch: pytest.MonkeyPatch) -> MeteredWorld:
    """Four accounts, of which two are attended at once."""
    monkeypatch.setattr(due, "ACCOUNTS_AT_ONCE", 2)
    for name in NAMES:
        metered.subscribed(name, metered=("calls",))
    use(metered)
    return metered


def use(metered: MeteredWorld) -> None:
    for name in NAMES:
        metered.use(name, calls="110")
    metered.pass_time(HOUR)


def accounts(metered: MeteredWorld) -> list[str]:
    return [one.billing_account for one in metered.linked()]


def go(metered: MeteredWorld) -> Round:
    return sync_due(metered.installation, metered.books)


@contextmanager
def deaf_to(metered: MeteredWorld, *accounts: str) -> Iterator[None]:
    """The provider does not answer for some accounts."""
    customers = {metered.customer(account) for account in accounts}
    report = metered.books.report

    def deaf(total: Total) -> None:
        if total.customer in customers:
            raise Unreachable("Nobody answers.")
        report(total)

    metered.books.report = deaf  # type: ignore[method-assign]  # for the length of a block
    try:
        yield
    finally:
        del metered.books.report


def test_a_round_reports_every_account_once_an_hour(four: MeteredWorld) -> None:
    first = go(four)
    assert (first.accounts, first.sent, first.problems, first.left) == (4, 4, {}, False)
    again = go(four)
    assert (again.accounts, again.sent) == (0, 0)
    use(four)
    assert go(four).sent == 4
    for account in accounts(four):
        four.check(account)


@pytest.mark.parametrize(
    ("every", "slot"),
    [
        ("hourly", datetime(2026, 3, 31, 23, tzinfo=UTC)),
        ("daily", datetime(2026, 3, 31, tzinfo=UTC)),
        ("monthly", datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_slot_begins_with_the_hour_the_day_or_the_month(every: Cadence, slot: datetime) -> None:
    assert slot_of(datetime(2026, 3, 31, 23, 59, 59, 1, tzinfo=UTC), every) == slot
    assert slot_of(slot, every) == slot


def test_who_reports_daily_waits_for_the_next_day(four: MeteredWorld) -> None:
    daily = replace(four.installation.settings, sync_every="daily")
    four.installation = replace(four.installation, settings=daily)
    assert go(four).sent == 4
    use(four)
    assert go(four).sent == 0
    four.move_to(JANUARY + DAY)
    assert go(four).sent == 4


def test_one_account_does_not_keep_the_others_from_it(four: MeteredWorld) -> None:
    [broken, *others] = accounts(four)
    with deaf_to(four, broken):
        done = go(four)
    assert (done.accounts, done.sent, done.left) == (3, 3, True)
    assert done.problems == {broken: "Nobody answers."}
    for account in others:
        four.check(account)
    assert go(four).sent == 1  # it waits no longer than to the next turn
    four.check(broken)


def test_a_mistake_of_ours_does_not_keep_the_others_from_it(
    four: MeteredWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    [broken, *_] = accounts(four)
    attend = sync.sync_account

    def mistaken(installation: object, books: object, account: str, **more: Any) -> object:
        if account == broken:
            raise ValueError("no such thing")
        return attend(installation, books, account, **more)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(due, "sync_account", mistaken)
    done = go(four)
    assert done.sent == 3
    assert done.problems == {broken: "A mistake of ours: ValueError('no such thing')."}


def test_one_that_cannot_be_measured_does_not_keep_the_others_from_it(
    four: MeteredWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    [broken, *_] = accounts(four)
    totals = running_totals.running_totals_of

    def mistaken(tx: Any, found: list[Mirrored], at: datetime) -> object:
        if any(one.subscription.billing_account == broken for one in found):
            raise ValueError("no such thing")
        return totals(tx, found, at)

    monkeypatch.setattr(sync, "running_totals_of", mistaken)
    done = go(four)
    assert done.sent == 3
    assert done.problems == {broken: "A mistake of ours: ValueError('no such thing')."}
    assert "each is measured by itself" in caplog.text


def test_nothing_measured_before_the_sender_was_shut_is_sent(four: MeteredWorld) -> None:
    def shut() -> None:
        with four.installation.store.write() as tx:
            installations.shut_sender(tx)

    with armed("sync.measured", shut):
        done = go(four)
    assert done.sent == 0
    assert set(done.problems) == set(accounts(four))


def test_stopping_at_the_first_problem_would_be_noticed(four: MeteredWorld) -> None:
    [broken, *_] = accounts(four)
    with pytest.MonkeyPatch.context() as patch, deaf_to(four, broken):
        patch.setattr(due, "GIVE_UP_AFTER", 1)
        patch.setattr(due, "ACCOUNTS_AT_ONCE", 100)
        assert go(four).sent == 0  # and three accounts could have been reported


def test_a_provider_that_is_down_is_left_alone_until_the_next_turn(
    four: MeteredWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "ACCOUNTS_AT_ONCE", 100)
    with deaf_to(four, *accounts(four)):
        done = go(four)
    assert (len(done.problems), done.left) == (due.GIVE_UP_AFTER, True)
    assert go(four).sent == 1  # those that were not asked come first
    done = go(four)
    assert (done.sent, done.left) == (3, False)
    for account in accounts(four):
        four.check(account)


def test_those_that_never_answer_do_not_keep_the_others_from_it(
    four: MeteredWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each turn begins behind those at which the last one gave up."""
    monkeypatch.setattr(due, "ACCOUNTS_AT_ONCE", 100)
    *broken, last = accounts(four)
    with deaf_to(four, *broken):
        assert go(four).sent == 0
        assert go(four).sent == 1
        four.check(last)
        use(four)  # what was written for the others waits, and is tried first
        assert sum(go(four).sent for _ in range(2)) == 1
        four.check(last)


def test_two_workers_do_not_do_the_same_round(four: MeteredWorld) -> None:
    others: list[Round] = []

    def other() -> None:
        others.append(go(four))

    with armed("sync.take.after", other):
        mine = go(four)
    assert (mine.accounts, [one.accounts for one in others]) == (4, [0])


def test_a_round_goes_on_where_a_worker_died(four: MeteredWorld) -> None:
    with pytest.raises(BaseException, match="killed"), armed("sync.round.after", kill):
        go(four)
    assert go(four).accounts == 0  # its lease has not ended
    four.pass_time(due.LEASE)
    rest = go(four)
    assert (rest.accounts, rest.sent) == (2, 2)
    for account in accounts(four):
        four.check(account)


@pytest.mark.parametrize(
    "place",
    [
        *("sync.take.before", "sync.take.after", "sync.round.before", "sync.round.after"),
        *("sync.write.before", "sync.write.after", "sync.send.before", "sync.send.after"),
        *("sync.note.before", "sync.note.after"),
    ],
)
def test_a_kill_anywhere_in_a_round_leaves_no_difference(four: MeteredWorld, place: str) -> None:
    with pytest.raises(BaseException, match="killed"), armed(place, kill):
        go(four)
    four.pass_time(due.LEASE)
    go(four)
    for account in accounts(four):
        four.check(account)
    assert len(four.counts()) == 4


def test_a_round_that_forgets_how_far_it_came_would_be_noticed(
    four: MeteredWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were it noted as over before it is, the rest would wait for the next hour."""
    keep = due._keep

    def over(tx: object, kept: due._Kept) -> None:
        keep(tx, structs.replace(kept, done=True))  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(due, "_keep", over)
    with pytest.raises(BaseException, match="killed"), armed("sync.take.after", kill):
        go(four)
    four.pass_time(due.LEASE)
    go(four)
    with pytest.raises(AssertionError, match="is to be reported"):
        four.check(accounts(four)[-1])


def test_a_round_refuses_while_the_sender_is_shut(four: MeteredWorld) -> None:
    identity_of(four.installation)
    with four.installation.store.write() as tx:
        installations.shut_sender(tx)
    with pytest.raises(Conflict, match="The sender is shut"):
        go(four)
    assert four.counts() == []


def test_what_waits_is_sent_in_the_next_turn(four: MeteredWorld) -> None:
    with deaf_to(four, accounts(four)[0]):
        go(four)
    four.pass_time(timedelta(minutes=2))
    assert go(four).sent == 1

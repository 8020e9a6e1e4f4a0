"""The provider may answer late, wrongly or not at all: what it shows is right in the end."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.workflows.metered_world import DAY, HOUR, MeteredWorld
from tests.workflows.stripe_account import START

from tallygate.collection.intents import Total
from tallygate.collection.provider import FailedThere, Failure, Unanswered
from tallygate.collection.records import ReportedTotal
from tallygate.collection.totals import intended
from tallygate.core.errors import Unreachable
from tallygate.core.failpoints import armed
from tallygate.core.period import to_micros
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror import sync
from tallygate.workflows.mirror.sync import note_failures, sync_account
from tallygate.workflows.mirror.sync_due import sync_due
from tallygate_sandbox.testing import running_sandbox

FORGOTTEN = DAY + HOUR


def named_anew(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """From now on, whatever is sent bears this identifier."""

    def named(report: ReportedTotal) -> Total:
        return replace(intended(report), identifier=name)

    monkeypatch.setattr(sync, "intended", named)


def used(metered: MeteredWorld) -> str:
    """An account that has used something which nobody has reported; gives it."""
    account = metered.subscribed()
    metered.use(calls="142")
    metered.pass_time(HOUR)
    return account


def test_an_answer_that_is_lost_after_the_work_was_done(metered: MeteredWorld) -> None:
    account = used(metered)
    metered.fail("drop_after")
    with pytest.raises(Unanswered):
        sync_account(metered.installation, metered.books, account)
    [waiting] = metered.revisions(account)
    assert (waiting.state, waiting.sent_at) == ("waiting", None)
    metered.use(calls="8")
    metered.pass_time(HOUR)
    synced = sync_account(metered.installation, metered.books, account)
    assert [one.revision for one in synced.sent] == [1, 2]
    metered.check(account)
    assert [value for _, value in metered.counts()] == [42, 50]


def test_another_identifier_for_the_same_revision_would_be_noticed(
    metered: MeteredWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was counted would be counted again."""
    account = used(metered)
    metered.fail("drop_after")
    with pytest.raises(Unanswered):
        sync_account(metered.installation, metered.books, account)
    named_anew(monkeypatch, "another")
    sync_account(metered.installation, metered.books, account)
    assert [value for _, value in metered.counts()] == [42, 42]


def forgotten(metered: MeteredWorld) -> str:
    """An answer was lost, and when somebody sends again, the identifier is forgotten."""
    account = used(metered)
    metered.fail("drop_after")
    with pytest.raises(Unanswered):
        sync_account(metered.installation, metered.books, account)
    metered.pass_time(FORGOTTEN)
    sync_account(metered.installation, metered.books, account)
    metered.check(account)
    return account


def test_after_a_day_the_provider_is_asked_before_sending_again(metered: MeteredWorld) -> None:
    account = forgotten(metered)
    assert [value for _, value in metered.counts()] == [42]
    [report] = metered.revisions(account)
    assert report.state == "sent"


def test_sending_a_forgotten_identifier_without_asking_would_be_noticed(
    metered: MeteredWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "IDENTIFIERS_KEPT", timedelta(days=99))
    forgotten(metered)
    assert [value for _, value in metered.counts()] == [42, 42]


def test_after_a_day_what_is_not_there_is_sent(metered: MeteredWorld) -> None:
    account = used(metered)
    metered.fail("drop")
    with pytest.raises(Unanswered):
        sync_account(metered.installation, metered.books, account)
    metered.pass_time(FORGOTTEN)
    sync_account(metered.installation, metered.books, account)
    metered.check(account)
    assert [value for _, value in metered.counts()] == [42]


def outage(metered: MeteredWorld, account: str) -> None:
    """The provider is down for 30 hours, with usage in each of them."""
    metered.fail("drop", times=1000, path="/")
    for _ in range(30):
        metered.use(calls="10", gb="9")
        metered.pass_time(HOUR)
        done = sync_due(metered.installation, metered.books)
        assert done.left
        assert done.sent == 0
        assert list(done.problems) == [account]
    assert len(metered.revisions(account)) <= 2  # one for each price
    metered.mend()


def test_a_provider_that_is_down_for_thirty_hours(metered: MeteredWorld) -> None:
    account = metered.subscribed()
    metered.use(calls="142")
    sync_due(metered.installation, metered.books)
    outage(metered, account)
    done = sync_due(metered.installation, metered.books)
    assert (done.problems, done.left) == ({}, False)
    metered.check(account)
    assert metered.shown(account) == {"calls": 342, "space": 4, "compute": 0}


def test_forgetting_what_waits_in_an_outage_would_be_noticed(
    metered: MeteredWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "NOT_SENT", frozenset())
    account = used(metered)
    metered.fail("drop", times=1000)
    for _ in range(2):
        metered.pass_time(HOUR)
        sync_due(metered.installation, metered.books)
    metered.mend()
    sync_due(metered.installation, metered.books)
    with pytest.raises(AssertionError, match="is to be reported"):
        metered.check(account)


def test_a_failure_there_before_the_work_leads_to_a_next_revision(metered: MeteredWorld) -> None:
    """The same key would be answered by the same failure for a day."""
    account = used(metered)
    metered.fail("error")
    [failed] = sync_account(metered.installation, metered.books, account).failed
    assert failed.problem is not None
    assert "500" in failed.problem
    assert metered.stands(account)["calls"].note == f"failed: {failed.problem}"
    [report] = sync_account(metered.installation, metered.books, account).sent
    assert report.revision == 2
    metered.check(account)


def test_a_failure_there_after_the_work_is_found_out_by_looking(metered: MeteredWorld) -> None:
    account = used(metered)
    metered.fail("error_after")
    [report] = sync_account(metered.installation, metered.books, account).sent
    assert report.revision == 1
    metered.check(account)
    assert [value for _, value in metered.counts()] == [42]


def test_whoever_is_asked_to_slow_down_comes_back_later(metered: MeteredWorld) -> None:
    account = used(metered)
    metered.fail("rate_limit")
    with pytest.raises(Unreachable) as caught:
        sync_account(metered.installation, metered.books, account)
    assert not isinstance(caught.value, Unanswered | FailedThere)
    sync_account(metered.installation, metered.books, account)
    metered.check(account)
    assert len(metered.revisions(account)) == 1


def refused(metered: MeteredWorld) -> str:
    """The meter takes a total and then does not count it; the report of that has been settled."""
    account = used(metered)
    metered.sandbox.control("settings/meters", {"report_seconds": 60})
    [meter] = [
        one
        for one in metered.client.v1.billing.meters.list({"limit": 100}).data
        if one.event_name == "calls"
    ]
    metered.client.v1.billing.meters.deactivate(meter.id)
    sync_account(metered.installation, metered.books, account)
    assert metered.shown(account)["calls"] == 0
    metered.pass_time(timedelta(minutes=2))
    [event] = metered.client.v2.core.events.list().data
    failures = metered.books.failures(event.id)
    assert [one.code for one in failures] == ["archived_meter"]
    [failed] = note_failures(metered.installation, failures)
    assert failed.state == "failed"
    metered.client.v1.billing.meters.reactivate(meter.id)
    return account


def test_a_total_that_was_not_counted_is_shown_and_reported_anew(metered: MeteredWorld) -> None:
    account = refused(metered)
    assert metered.marked() == 1
    shown = metered.stands(account)["calls"]
    assert (shown.reported, shown.changes) == (None, True)
    assert shown.note.startswith("failed: ")
    assert shown.note.endswith("(archived_meter)")
    [report] = sync_account(metered.installation, metered.books, account).sent
    assert (report.revision, report.total) == (2, 42)
    metered.check(account)


def test_reporting_anew_under_the_same_identifier_would_be_noticed(
    metered: MeteredWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = refused(metered)
    [failed] = metered.revisions(account)
    named_anew(monkeypatch, failed.identifier)
    [again] = sync_account(metered.installation, metered.books, account).failed
    assert "Keys for idempotent requests" in (again.problem or "")
    with pytest.raises(AssertionError):
        metered.check(account)


def test_failures_that_are_not_ours_are_left_alone(metered: MeteredWorld) -> None:
    account = used(metered)
    sync_account(metered.installation, metered.books, account)
    told = Failure("somebody-elses", "archived_meter", "The meter is archived.")
    assert note_failures(metered.installation, [told]) == ()
    assert metered.marked() == 0


def test_a_failure_is_noted_once(metered: MeteredWorld) -> None:
    account = used(metered)
    [report] = sync_account(metered.installation, metered.books, account).sent
    told = Failure(report.identifier, "archived_meter", "The meter is archived.")
    assert len(note_failures(metered.installation, [told, told])) == 1
    assert note_failures(metered.installation, [told]) == ()


@pytest.fixture
def shared(each_installation: Installation) -> Iterator[MeteredWorld]:
    """The same on a database that several workers open, SQLite in a file or Postgres."""
    with running_sandbox(frozen=START) as sandbox:
        yield MeteredWorld(each_installation, sandbox)


def side_by_side(metered: MeteredWorld, account: str, place: str) -> None:
    """A worker stops somewhere; another one does all of its work meanwhile, and more comes."""
    there, go_on = threading.Event(), threading.Event()

    def stop() -> None:
        if threading.current_thread().name == "first":
            there.set()
            assert go_on.wait(20)

    def first() -> None:
        sync_account(metered.installation, metered.books, account)

    with armed(place, stop):
        worker = threading.Thread(target=first, name="first")
        worker.start()
        assert there.wait(20)
        metered.use(calls="8")
        metered.pass_time(HOUR)
        sync_account(metered.installation, metered.books, account)
        go_on.set()
        worker.join()


@pytest.mark.parametrize("place", ["sync.measured", "sync.write.after", "sync.send.after"])
def test_two_workers_at_once_leave_no_difference(shared: MeteredWorld, place: str) -> None:
    account = used(shared)
    side_by_side(shared, account, place)
    shared.check(account)
    counted = shared.counts()
    assert counted == sorted(counted)  # the last that arrived is the last by its stamp
    assert [value for _, value in counted][-1] == 50
    assert len(counted) == len(shared.revisions(account))


def test_many_workers_at_once_send_each_revision_once(shared: MeteredWorld) -> None:
    account = used(shared)
    problems: list[BaseException] = []

    def work() -> None:
        try:
            sync_account(shared.installation, shared.books, account)
        except Unreachable as error:  # the same identifier is on its way by another worker
            problems.append(error)

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sync_account(shared.installation, shared.books, account)
    shared.check(account)
    assert len(shared.counts()) == len(shared.revisions(account)) == 1


def test_a_customer_who_was_deleted_keeps_nobody_waiting(metered: MeteredWorld) -> None:
    account = used(metered)
    metered.fail("drop")
    with pytest.raises(Unanswered):
        sync_account(metered.installation, metered.books, account)
    metered.client.v1.customers.delete(metered.customer(account))
    metered.pass_time(FORGOTTEN)
    sync.send_waiting(metered.installation, metered.books, account)
    assert {one.state for one in metered.revisions(account)} <= {"sent", "failed"}


def test_a_stamp_too_long_ago_fails_and_the_next_one_is_of_now(metered: MeteredWorld) -> None:
    """After five weeks without a worker the provider takes no old stamps any more."""
    account = used(metered)
    metered.fail("drop")
    with pytest.raises(Unanswered):
        sync_account(metered.installation, metered.books, account)
    old = to_micros(metered.clock.now())
    metered.pass_time(timedelta(days=36))
    [failed] = sync.send_waiting(metered.installation, metered.books, account).failed
    assert to_micros(failed.stamp) <= old
    assert failed.problem is not None
    assert "35 days" in failed.problem

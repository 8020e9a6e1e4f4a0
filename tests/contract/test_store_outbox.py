"""What is to be done outside, for whom, and who is at it: kept alike on both engines."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tallygate.accounts.model import BillingAccount, Organization
from tallygate.adapters.store import (
    Store,
    accounts,
    attention,
    audit_log,
    notices,
    outbox,
    provider_state,
)
from tallygate.adapters.store import installation as installations
from tallygate.adapters.store.attention import Counts
from tallygate.adapters.store.audit_log import Entry
from tallygate.collection.notices import Notice
from tallygate.collection.records import Written

NOW = datetime(2026, 1, 31, 1, 2, 3, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MOMENT = timedelta(microseconds=1)

WRITTEN = Written(
    "int_1", "org_1", "bil_1", "SetEnd", "abc", '{"at": null}', "Let „it“ go on.", NOW
)
NOTICE = Notice("ntc_1", "org_1", "bil_1", "payment_failed", "inv_1:1", NOW)


@pytest.fixture
def furnished(store: Store) -> Store:
    with store.write() as tx:
        for number in range(1, 6):
            organization = Organization(f"org_{number}", "Acme", f"bil_{number}", NOW)
            accounts.save_organization(tx, organization)
            account = BillingAccount(f"bil_{number}", organization.id, "main", NOW)
            accounts.save_billing_account(tx, account)
    return store


def mark(store: Store, number: int, at: datetime, not_before: datetime | None = None) -> None:
    with store.write() as tx:
        attention.mark(
            tx, f"bil_{number}", f"org_{number}", at, f"at {at:%M}", not_before=not_before
        )


def take(store: Store, at: datetime, most: int = 9) -> tuple[attention.Marked, ...]:
    with store.write() as tx:
        return attention.take(tx, at, most, MINUTE)


def finish(
    store: Store, marked: attention.Marked, at: datetime, again_at: datetime | None = None
) -> bool:
    with store.write() as tx:
        return attention.finish(tx, marked, at, again_at)


def test_an_intent_comes_back_and_is_unfinished_until_its_outcome_is_known(
    furnished: Store,
) -> None:
    with furnished.write() as tx:
        outbox.write(tx, WRITTEN)
        assert outbox.unfinished(tx, "bil_1") == (WRITTEN,)
        assert outbox.unfinished(tx, "bil_2") == ()
        assert outbox.having_unfinished(tx, ["bil_1", "bil_2"]) == {"bil_1"}
        assert outbox.older_than(tx, NOW) == ()
        sent = replace(WRITTEN, state="sent", attempt=2, sent_at=NOW + MINUTE)
        outbox.save(tx, sent)
        assert outbox.unfinished(tx, "bil_1") == (sent,) == outbox.older_than(tx, NOW + MOMENT)
        for state in ("done", "refused", "superseded"):
            known = replace(sent, state=state, answer="sub_1", problem="none")
            outbox.save(tx, known)
            assert outbox.unfinished(tx, "bil_1") == () == outbox.older_than(tx, NOW + MINUTE)
            assert outbox.having_unfinished(tx, ["bil_1"]) == set()
            assert outbox.page(tx, "org_1") == (known,)


def test_the_very_same_is_counted_once_its_outcome_is_known(furnished: Store) -> None:
    done = replace(WRITTEN, state="done")
    with furnished.write() as tx:
        for one in (
            done,
            replace(done, id="int_2"),
            replace(done, id="int_3", state="refused"),
            replace(done, id="int_4", state="superseded"),
            replace(done, id="int_5", state="waiting"),
            replace(done, id="int_6", state="sent"),
            replace(done, id="int_7", body="{}"),
            replace(done, id="int_8", kind="HoldDraft"),
            replace(done, id="int_9", organization="org_2", billing_account="bil_2"),
        ):
            outbox.write(tx, one)
        assert outbox.finished_before(tx, "bil_1", "SetEnd", WRITTEN.body) == 4
        assert outbox.finished_before(tx, "bil_3", "SetEnd", WRITTEN.body) == 0


def test_intents_are_paged_within_a_tenant(furnished: Store) -> None:
    other = replace(WRITTEN, id="int_2", organization="org_2", billing_account="bil_2")
    third = replace(WRITTEN, id="int_3", state="done")
    with furnished.write() as tx:
        for one in (third, other, WRITTEN):
            outbox.write(tx, one)
        assert outbox.page(tx, None) == (WRITTEN, other, third)
        assert outbox.page(tx, "org_1") == (WRITTEN, third)
        assert outbox.page(tx, "org_1", "int_1", 1) == (third,)
        assert outbox.page(tx, None, limit=1) == (WRITTEN,)
        assert outbox.page(tx, None, state="done") == (third,)


def test_marks_add_up_to_the_earliest(furnished: Store) -> None:
    mark(furnished, 1, NOW, not_before=NOW + 9 * MINUTE)
    mark(furnished, 1, NOW + MINUTE, not_before=NOW + 3 * MINUTE)
    mark(furnished, 1, NOW + 2 * MINUTE, not_before=NOW + 5 * MINUTE)
    assert take(furnished, NOW + 3 * MINUTE - MOMENT) == ()
    (marked,) = take(furnished, NOW + 3 * MINUTE)
    assert marked == ("bil_1", "org_1", NOW, "at 03", 0, 1)
    assert finish(furnished, marked, NOW + 4 * MINUTE)
    assert take(furnished, NOW + 99 * MINUTE) == (), "all three were attended"


def test_two_never_attend_one_account(furnished: Store) -> None:
    for number in (3, 1, 2):
        mark(furnished, number, NOW + number * MINUTE)
    at = NOW + 5 * MINUTE
    first = take(furnished, at, most=2)
    assert [one.billing_account for one in first] == ["bil_1", "bil_2"]
    assert [one.billing_account for one in take(furnished, at)] == ["bil_3"]
    assert take(furnished, at + MINUTE - MOMENT) == ()


def test_a_lease_that_ran_out_is_another_ones(furnished: Store) -> None:
    mark(furnished, 1, NOW)
    (lost,) = take(furnished, NOW)
    (found,) = take(furnished, NOW + MINUTE)
    assert (lost.tries, found.tries) == (0, 1)
    assert not finish(furnished, lost, NOW + MINUTE, again_at=NOW + 9 * MINUTE)
    assert not finish(furnished, lost, NOW + MINUTE)
    assert take(furnished, NOW + MINUTE) == (), "the late end took nothing from the other one"
    assert finish(furnished, found, NOW + MINUTE)
    assert take(furnished, NOW + 9 * MINUTE) == ()


def test_leases_end_together_each_in_its_way(furnished: Store) -> None:
    for number in (1, 2, 3, 4):
        mark(furnished, number, NOW)
    taken = take(furnished, NOW)
    mark(furnished, 2, NOW + MOMENT)
    lost = taken[3]._replace(lease=taken[3].lease - 1)
    later = NOW + 9 * MINUTE
    with furnished.write() as tx:
        each = [(taken[0], None), (taken[1], None), (taken[2], later), (lost, None)]
        assert attention.finish_all(tx, each, NOW + MOMENT) == 3
        assert attention.finish_all(tx, [], NOW) == 0
    found = [one.billing_account for one in take(furnished, NOW + MINUTE - MOMENT)]
    assert found == ["bil_2"], "1 is done, 3 is for later, 4 is somebody else's"
    assert [(one.billing_account, one.tries) for one in take(furnished, later)] == [
        ("bil_4", 1),
        ("bil_2", 1),
        ("bil_3", 1),
    ]


def test_a_mark_survives_the_death_of_whoever_attended(furnished: Store) -> None:
    mark(furnished, 1, NOW)
    take(furnished, NOW)
    mark(furnished, 1, NOW, not_before=NOW + 9 * MINUTE)
    (found,) = take(furnished, NOW + MINUTE)
    finish(furnished, found, NOW + MINUTE)
    assert take(furnished, NOW + 9 * MINUTE - MOMENT) == ()
    assert len(take(furnished, NOW + 9 * MINUTE)) == 1


@pytest.mark.parametrize("after", [MOMENT, 2 * MINUTE], ids=["within the lease", "after it"])
def test_a_mark_that_comes_while_an_account_is_attended_is_kept(
    furnished: Store, after: timedelta
) -> None:
    mark(furnished, 1, NOW)
    (marked,) = take(furnished, NOW)
    mark(furnished, 1, NOW + after)
    assert finish(furnished, marked, NOW + 3 * MINUTE)
    (again,) = take(furnished, NOW + 3 * MINUTE)
    assert (again.marked_at, again.tries) == (NOW + after, 0)
    assert finish(furnished, again, NOW + 3 * MINUTE)
    assert take(furnished, NOW + 9 * MINUTE) == ()


def test_a_mark_for_later_that_an_attendance_leaves_does_not_bring_it_back_at_once(
    furnished: Store,
) -> None:
    mark(furnished, 1, NOW)
    (marked,) = take(furnished, NOW)
    mark(furnished, 1, NOW, not_before=NOW + 9 * MINUTE)
    mark(furnished, 1, NOW, not_before=NOW + 7 * MINUTE)
    mark(furnished, 1, NOW, not_before=NOW + 11 * MINUTE)
    finish(furnished, marked, NOW, again_at=NOW + 8 * MINUTE)
    assert take(furnished, NOW + 7 * MINUTE - MOMENT) == ()
    assert len(take(furnished, NOW + 7 * MINUTE)) == 1


def test_what_is_to_be_tried_again_waits_and_counts(furnished: Store) -> None:
    mark(furnished, 1, NOW)
    for tries in range(3):
        (marked,) = take(furnished, NOW + tries * MINUTE)
        assert (marked.tries, marked.marked_at) == (tries, NOW)
        finish(furnished, marked, NOW, again_at=NOW + (tries + 1) * MINUTE)
        assert take(furnished, NOW + tries * MINUTE) == ()
    mark(furnished, 1, NOW + 2 * MINUTE)
    assert len(take(furnished, NOW + 2 * MINUTE)) == 1, "a new mark does not wait"


def test_what_is_due_again_comes_after_what_was_due_all_the_while(furnished: Store) -> None:
    mark(furnished, 1, NOW)
    (first,) = take(furnished, NOW)
    mark(furnished, 1, NOW)
    mark(furnished, 2, NOW + MOMENT)
    finish(furnished, first, NOW + MINUTE)
    assert [one.billing_account for one in take(furnished, NOW + MINUTE)] == ["bil_2", "bil_1"]


def test_many_are_marked_and_counted(furnished: Store) -> None:
    mark(furnished, 1, NOW)
    mark(furnished, 5, NOW, not_before=NOW + 9 * MINUTE)
    assert len(take(furnished, NOW)) == 1
    everybody = {f"bil_{number}": f"org_{number}" for number in range(1, 5)}
    with furnished.write() as tx:
        attention.mark_many(tx, everybody, NOW, "all")
        attention.mark_many(tx, {}, NOW, "none")
    with furnished.read() as tx:
        assert attention.counts(tx, NOW) == Counts(due=3, leased=1, later=1, oldest=NOW)
        assert attention.counts(tx, NOW + MINUTE).due == 4, "the lease ran out"
        assert attention.counts(tx, NOW - MOMENT).due == 0
    assert [one.reason for one in take(furnished, NOW)] == ["all"] * 3


def test_a_thing_is_told_once(furnished: Store) -> None:
    told = replace(NOTICE, facts={"step": "wait", "date": "2026-02-03", "a": 'Ü"\n'})
    again = replace(NOTICE, id="ntc_2")
    other = replace(
        NOTICE,
        id="ntc_3",
        key="inv_1:2",
        state="sent",
        organization="org_2",
        billing_account="bil_2",
    )
    with furnished.write() as tx:
        assert notices.queue(tx, told)
        assert not notices.queue(tx, again)
        assert notices.queue(tx, other)
        assert notices.page(tx, None) == (told, other)
        assert notices.page(tx, "org_2") == (other,)
        assert notices.page(tx, None, "ntc_1", 1) == (other,)
        assert notices.of_account(tx, "bil_1") == (told,)


def test_operations_are_numbered_and_chained(furnished: Store) -> None:
    first = Entry(NOW, "key_1", "subscribe", "sub_1", "org_1", "bil_1", {"b": [1, None], "a": "Ü"})
    second = Entry(NOW + MINUTE, "worker", "catalog.apply", "2")
    with furnished.write() as tx:
        assert audit_log.verify(tx) is None
        assert audit_log.append(tx, first) == 1
        assert audit_log.append_all(tx, [second, first]) == audit_log.append_all(tx, []) == 3
    with furnished.read() as tx:
        assert audit_log.verify(tx) is None
        assert [(one.number, one.entry) for one in audit_log.page(tx, None)] == [
            (1, first),
            (2, second),
            (3, first),
        ]
        assert [one.number for one in audit_log.page(tx, "org_1", after=1)] == [3]
        assert [one.number for one in audit_log.page(tx, None, limit=1)] == [1]
        assert len({one.hash for one in audit_log.page(tx, None)}) == 3


@pytest.mark.parametrize("at_once", [1, 2, 1000])
@pytest.mark.parametrize(
    ("statement", "bad"),
    [
        ("UPDATE audit_log SET at = at + 1 WHERE number = 2", 2),
        ("UPDATE audit_log SET actor = 'nobody' WHERE number = 3", 3),
        ("UPDATE audit_log SET organization = NULL WHERE number = 1", 1),
        ("UPDATE audit_log SET billing_account = 'bil_2' WHERE number = 1", 1),
        ("UPDATE audit_log SET operation = 'quote' WHERE number = 1", 1),
        ("UPDATE audit_log SET subject = 'sub_9' WHERE number = 2", 2),
        ("UPDATE audit_log SET detail = '{}' WHERE number = 4", 4),
        ("UPDATE audit_log SET hash = '0' WHERE number = 2", 2),
        ("DELETE FROM audit_log WHERE number = 1", 1),
        ("DELETE FROM audit_log WHERE number = 3", 3),
        ("UPDATE audit_log SET number = 9 WHERE number = 4", 4),
    ],
)
def test_tampering_is_found_where_it_happened(
    furnished: Store, monkeypatch: pytest.MonkeyPatch, statement: str, bad: int, at_once: int
) -> None:
    monkeypatch.setattr(audit_log, "AT_ONCE", at_once)
    with furnished.write() as tx:
        for number in range(1, 5):
            entry = Entry(NOW, "key_1", "subscribe", "sub_1", "org_1", "bil_1", {"n": number})
            audit_log.append(tx, entry)
        assert audit_log.verify(tx) is None
        tx.execute(text(statement))
        assert audit_log.verify(tx) == bad


def test_an_entry_that_was_written_anew_does_not_fit_the_next(furnished: Store) -> None:
    forged = Entry(NOW, "key_1", "nothing", "sub_1")
    with furnished.write() as tx:
        audit_log.append(tx, forged)
        (alone,) = audit_log.page(tx, None)
        tx.execute(text("DELETE FROM audit_log"))
        for operation in ("subscribe", "cancel"):
            audit_log.append(tx, forged._replace(operation=operation))
        sentence = "UPDATE audit_log SET operation = 'nothing', hash = :hash WHERE number = 1"
        tx.execute(text(sentence), {"hash": alone.hash})
        assert audit_log.verify(tx) == 2


def test_texts_and_calls_are_kept(furnished: Store) -> None:
    first, second = date(2026, 1, 31), date(2026, 2, 1)
    with furnished.write() as tx:
        assert provider_state.get(tx, "cursor") is None
        for value in ("evt_1", "evt_2"):
            provider_state.put(tx, "cursor", value)
            provider_state.put(tx, "other", "")
        assert provider_state.get(tx, "cursor") == "evt_2"
        assert provider_state.get(tx, "other") == ""
        provider_state.add_calls(tx, first, 3, 0)
        provider_state.add_calls(tx, first, 1, 2)
        provider_state.add_calls(tx, second, 0, 1)
        assert provider_state.calls_since(tx, first) == {first: (4, 2), second: (0, 1)}
        assert provider_state.calls_since(tx, second) == {second: (0, 1)}


def test_the_sender_is_open_until_it_is_shut(store: Store) -> None:
    with store.write() as tx:
        identity = installations.found_installation(tx, "ins_1", "secret", NOW)
        assert installations.sender_is_open(tx)
        assert installations.witness(tx) is None
        installations.raise_epoch(tx)
        installations.shut_sender(tx)
        installations.note_witness(tx, "int_1")
        assert installations.identity(tx) == identity._replace(epoch=2)
        assert not installations.sender_is_open(tx)
        assert installations.witness(tx) == "int_1"
        installations.open_sender(tx)
        assert installations.sender_is_open(tx)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE outbox SET state = 'lost'",
        "UPDATE outbox SET attempt = 0",
        "UPDATE notices SET key = 'same'",
        "UPDATE notices SET state = 'lost'",
        "UPDATE attention SET organization = 'org_none'",
    ],
)
def test_the_tables_refuse_what_cannot_be(furnished: Store, statement: str) -> None:
    mark(furnished, 1, NOW)
    with furnished.write() as tx:
        outbox.write(tx, WRITTEN)
        notices.queue(tx, NOTICE)
        notices.queue(tx, replace(NOTICE, id="ntc_2", key="other"))
    with pytest.raises(IntegrityError), furnished.write() as tx:
        tx.execute(text(statement))

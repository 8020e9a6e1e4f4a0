"""The provider comes to know how much has been used, and sending twice or late changes nothing."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.workflows.metered_world import FEBRUARY, HOUR, TEXT, MeteredWorld, kill

from tallygate.adapters.store import installation as installations
from tallygate.adapters.store import totals
from tallygate.collection import totals as reporting
from tallygate.collection.contracted import HeldPrices
from tallygate.collection.intents import Total
from tallygate.collection.records import ReportedTotal
from tallygate.collection.totals import ReportedPrice, divide, final_minutes, intended
from tallygate.core.errors import Conflict
from tallygate.core.failpoints import armed
from tallygate.invoicing.model import Invoice
from tallygate.workflows.change import change_plan
from tallygate.workflows.close import close_due
from tallygate.workflows.contracts import StoredCatalogs, find_subscription
from tallygate.workflows.mirror.identity import identity_of
from tallygate.workflows.mirror.sync import (
    Unconfirmed,
    confirm_final,
    report_final,
    send_waiting,
    sync_account,
)
from tallygate.workflows.subscribe import subscribe


def test_what_was_used_is_reported_once_and_then_when_it_changes(metered: MeteredWorld) -> None:
    account = metered.subscribed()
    metered.use(calls="142", gb="6.2", hours="1.5")
    metered.pass_time(HOUR)
    before = metered.stands(account)
    assert {key: (one.total, one.changes) for key, one in before.items()} == {
        "calls": (42, True),
        "space": (2, True),  # 7 GB, once rounded up, are 2 beyond the allowance
        "compute": (1500, True),
    }
    assert len(sync_account(metered.installation, metered.books, account).sent) == 3
    metered.check(account)
    assert metered.shown(account) == {"calls": 42, "space": 2, "compute": 1500}
    assert sync_account(metered.installation, metered.books, account).sent == ()
    metered.use(calls="1")
    metered.pass_time(HOUR)
    [more] = sync_account(metered.installation, metered.books, account).sent
    assert (more.price, more.revision, more.total) == ("calls", 2, 43)
    metered.check(account)


def test_nothing_is_said_of_what_is_within_the_allowance(metered: MeteredWorld) -> None:
    account = metered.subscribed()
    metered.use(calls="100")
    metered.pass_time(HOUR)
    assert sync_account(metered.installation, metered.books, account).sent == ()
    assert metered.counts() == []
    metered.check(account)


def reports(metered: MeteredWorld, account: str) -> list[ReportedTotal]:
    """Two revisions of a total, an hour apart, both of which were sent."""
    for _ in range(2):
        metered.use(calls="150")
        metered.pass_time(HOUR)
        sync_account(metered.installation, metered.books, account)
    found = list(metered.revisions(account))
    assert [one.total for one in found] == [50, 200]
    return found


def sent_again(metered: MeteredWorld, account: str, total: Total) -> int | None:
    """What is shown once an old total was sent again, at once and when its name is forgotten."""
    metered.books.report(total)
    metered.pass_time(timedelta(hours=30))
    metered.books.report(total)
    return metered.shown(account)["calls"]


def test_sending_twice_or_late_changes_nothing(metered: MeteredWorld) -> None:
    account = metered.subscribed()
    first, _ = reports(metered, account)
    assert sent_again(metered, account, intended(first)) == 200
    assert [value for _, value in metered.counts()] == [50, 200, 50]  # forgotten, and counted


def test_the_time_of_sending_as_a_stamp_would_be_noticed(metered: MeteredWorld) -> None:
    first, _ = reports(metered, metered.subscribed())
    late = replace(intended(first), stamp=metered.clock.now() + timedelta(hours=29))
    metered.pass_time(timedelta(hours=30))
    metered.books.report(replace(late, identifier="a new one"))
    assert metered.shown(first.billing_account)["calls"] == 50  # and 200 were used


def test_a_price_waits_until_its_item_is_there(metered: MeteredWorld) -> None:
    account = metered.subscribed(metered=("calls",))
    metered.use(calls="142", hours="1")
    metered.pass_time(HOUR)
    synced = sync_account(metered.installation, metered.books, account)
    assert [one.price for one in synced.sent] == ["calls"]
    assert synced.without_item == ("compute",)
    assert metered.stands(account)["compute"].reported is None
    metered.add_item(account, "compute")
    [later] = sync_account(metered.installation, metered.books, account).sent
    assert (later.price, later.total) == ("compute", 1000)


def test_a_price_waits_until_its_item_is_on_the_terms_of_the_subscription(
    metered: MeteredWorld,
) -> None:
    """Metered items are exchanged between two periods, before the first total of the next one."""
    account = metered.subscribed(metered=())
    metered.publish(TEXT.replace("0.05", "0.07"))
    metered.add_item(account, "calls")  # at the price for new subscriptions
    metered.use(calls="142")
    metered.pass_time(HOUR)
    synced = sync_account(metered.installation, metered.books, account)
    assert (synced.sent, synced.without_item) == ((), ("calls",))


def test_a_plan_change_within_the_period_takes_totals_back_to_0(metered: MeteredWorld) -> None:
    account = metered.subscribed()
    metered.use(calls="142")
    metered.pass_time(HOUR)
    sync_account(metered.installation, metered.books, account)
    [mirror] = metered.mirrors(account)
    change_plan(metered.installation, mirror.subscription, "max", when="now")
    metered.use(calls="5000")
    metered.pass_time(HOUR)
    [back] = sync_account(metered.installation, metered.books, account).sent
    assert (back.price, back.total) == ("calls", 0)
    metered.check(account)
    stands = metered.stands(account)["calls"]
    assert stands.note == "rated here: the plan changes within the period"
    assert "max_calls" not in metered.stands(account)


def test_nothing_goes_out_while_the_sender_is_shut(metered: MeteredWorld) -> None:
    account = metered.subscribed()
    metered.use(calls="142")
    metered.pass_time(HOUR)
    identity_of(metered.installation)
    with metered.installation.store.write() as tx:
        installations.shut_sender(tx)
    asked = (metered.calls.reads, metered.calls.writes)
    with pytest.raises(Conflict, match="The sender is shut"):
        sync_account(metered.installation, metered.books, account)
    assert (metered.calls.reads, metered.calls.writes) == asked
    assert metered.revisions(account) == ()


def test_an_account_without_a_customer_has_nothing_to_report(metered: MeteredWorld) -> None:
    account = metered.tenant("local")
    subscribe(metered.installation, account, "pro")
    assert sync_account(metered.installation, metered.books, account).sent == ()


def closed(metered: MeteredWorld) -> tuple[Invoice, dict[str, int]]:
    """January is over and closed: its invoice, and the totals that it has for the provider."""
    metered.move_to(FEBRUARY + timedelta(minutes=30))
    [invoice] = close_due(metered.installation)
    with metered.installation.store.read() as tx:
        held = HeldPrices(StoredCatalogs(tx, [1]))
        subscription = find_subscription(tx, invoice.subscription)
        division = divide(subscription, invoice.period, invoice.lines, held)
    return invoice, dict(division.totals)


def test_both_sides_come_to_the_same_for_a_month(metered: MeteredWorld) -> None:
    """The provider's invoice has our amounts, line by line, if it was final after our totals."""
    account = metered.subscribed()
    metered.use(calls="142", gb="6.2", hours="1.5")
    metered.pass_time(HOUR)
    sync_account(metered.installation, metered.books, account)
    metered.move_to(FEBRUARY - timedelta(minutes=1))
    metered.use(calls="1000", hours="0.001")  # nobody reports that any more, until the close
    invoice, final = closed(metered)
    assert len(report_final(metered.installation, metered.books, invoice, final).sent) == 3
    assert confirm_final(metered.installation, metered.books, invoice, final) == ()
    assert {one.state for one in metered.revisions(account)} == {"sent", "confirmed"}
    assert report_final(metered.installation, metered.books, invoice, final).sent == ()
    seen = metered.books.look(metered.customer(account), metered.clock.now())
    [draft] = [one for one in seen.invoices if one.status == "draft"]
    metered.client.v1.invoices.finalize_invoice(draft.id)
    seen = metered.books.look(metered.customer(account), metered.clock.now())
    [final_there] = [one for one in seen.invoices if one.id == draft.id]
    there = {line.key: line.amount for line in final_there.lines if line.kind == "metered"}
    assert there == {line.price: line.amount for line in invoice.lines if line.meter}
    assert there == {"calls": 5210, "space": 200, "compute": 75}


def test_final_totals_are_stamped_in_the_last_minutes(metered: MeteredWorld) -> None:
    account = metered.subscribed()
    metered.use(calls="142")
    invoice, final = closed(metered)
    report_final(metered.installation, metered.books, invoice, final)
    last = final_minutes(invoice.period)
    assert len(metered.revisions(account)) == 3
    assert all(one.stamp in last for one in metered.revisions(account))
    assert last.end == FEBRUARY


def test_a_lagging_meter_is_waited_for_and_nothing_is_sent_again(metered: MeteredWorld) -> None:
    account = metered.subscribed()
    metered.lag(3600)
    metered.use(calls="142")
    invoice, final = closed(metered)
    report_final(metered.installation, metered.books, invoice, final)
    calls = Unconfirmed("calls", 42, 0)
    for _ in range(3):
        report_final(metered.installation, metered.books, invoice, final)
        assert calls in confirm_final(metered.installation, metered.books, invoice, final)
        metered.pass_time(timedelta(minutes=15))
    assert metered.counts() == []
    metered.pass_time(HOUR)
    assert confirm_final(metered.installation, metered.books, invoice, final) == ()
    assert len(metered.counts()) == 3
    assert {one.state for one in metered.revisions(account)} == {"confirmed"}


def test_believing_what_was_sent_instead_of_looking_would_be_noticed(
    metered: MeteredWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    metered.subscribed()
    metered.lag(3600)
    metered.use(calls="142")
    invoice, final = closed(metered)
    report_final(metered.installation, metered.books, invoice, final)
    monkeypatch.setattr("tallygate.workflows.mirror.sync._counted", lambda _books, one: one.total)
    assert confirm_final(metered.installation, metered.books, invoice, final) == ()
    assert metered.counts() == []  # and nothing was counted


def test_an_invoice_without_reports_is_not_confirmed(metered: MeteredWorld) -> None:
    metered.subscribed()
    metered.use(calls="142")
    invoice, final = closed(metered)
    told = confirm_final(metered.installation, metered.books, invoice, final)
    assert told == tuple(Unconfirmed(key, total, None) for key, total in final.items())


BETWEEN = [
    "sync.write.before",
    "sync.write.after",
    "sync.send.before",
    "sync.send.after",
    "sync.note.before",
    "sync.note.after",
]


def killed_in(metered: MeteredWorld, account: str, place: str) -> None:
    """A sync that is killed somewhere, and the one that comes an hour later."""
    metered.use(calls="142", hours="1.5")
    metered.pass_time(HOUR)
    with pytest.raises(BaseException, match="killed"), armed(place, kill):
        sync_account(metered.installation, metered.books, account)
    metered.use(calls="8")
    metered.pass_time(HOUR)
    sync_account(metered.installation, metered.books, account)


@pytest.mark.parametrize("place", BETWEEN)
def test_a_kill_between_any_two_steps_leaves_no_difference(
    metered: MeteredWorld, place: str
) -> None:
    account = metered.subscribed()
    killed_in(metered, account, place)
    metered.check(account)
    assert metered.shown(account)["calls"] == 50
    stamps = [stamp for stamp, _ in metered.counts()]
    assert len(stamps) == len(metered.revisions(account))  # each was counted once


@pytest.mark.parametrize("place", BETWEEN[1:4])
def test_a_kill_between_any_two_steps_of_the_final_totals_leaves_no_difference(
    metered: MeteredWorld, place: str
) -> None:
    account = metered.subscribed()
    metered.use(calls="142", hours="1.5")
    invoice, final = closed(metered)
    with pytest.raises(BaseException, match="killed"), armed(place, kill):
        report_final(metered.installation, metered.books, invoice, final)
    report_final(metered.installation, metered.books, invoice, final)
    assert confirm_final(metered.installation, metered.books, invoice, final) == ()
    assert len(metered.counts()) == len(metered.revisions(account)) == 3


def test_noting_before_sending_would_be_noticed(
    metered: MeteredWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def noted(price: ReportedPrice, *words: object, **more: bool) -> ReportedTotal | None:
        report = reporting.next_report(price, *words, **more)  # type: ignore[arg-type]  # passed on
        return None if report is None else replace(report, state="sent")

    monkeypatch.setattr("tallygate.workflows.mirror.sync.next_report", noted)
    account = metered.subscribed()
    killed_in(metered, account, "sync.write.after")
    with pytest.raises(AssertionError, match="shows something else"):
        metered.check(account)


def test_who_measured_earlier_does_not_overwrite_who_measured_later(
    metered: MeteredWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = metered.subscribed()
    overtaken(metered, account)
    metered.check(account)
    assert metered.shown(account)["calls"] == 50


def test_overwriting_what_was_measured_later_would_be_noticed(
    metered: MeteredWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(tx: object, ready: object, at: datetime) -> list[ReportedTotal]:
        written = []
        for one in ready:  # type: ignore[attr-defined]  # a list of running totals
            price = one.price
            kept = totals.latest(tx, price.subscription, price.price, price.period.start)  # type: ignore[arg-type]  # a transaction
            report = reporting.next_report(price, kept, one.total, at)
            assert report is not None
            totals.add(tx, report)  # type: ignore[arg-type]  # as above
            written.append(report)
        return written

    monkeypatch.setattr("tallygate.workflows.mirror.sync._write", write)
    account = metered.subscribed()
    overtaken(metered, account)
    with pytest.raises(AssertionError, match="is to be reported"):
        metered.check(account)


def overtaken(metered: MeteredWorld, account: str) -> None:
    """Between a worker's measuring and its writing, another one measures more, and reports it."""
    metered.use(calls="142")
    metered.pass_time(HOUR)
    once = [True]

    def other() -> None:
        if once.pop():
            once.append(False)
            metered.use(calls="8")
            metered.pass_time(HOUR)
            sync_account(metered.installation, metered.books, account)
            once[:] = [False]

    with armed("sync.measured", other):
        sync_account(metered.installation, metered.books, account)


def test_what_waits_is_sent_without_measuring(metered: MeteredWorld) -> None:
    account = metered.subscribed()
    metered.use(calls="142")
    metered.pass_time(HOUR)
    with pytest.raises(BaseException, match="killed"), armed("sync.write.after", kill):
        sync_account(metered.installation, metered.books, account)
    metered.use(calls="8")
    [sent] = send_waiting(metered.installation, metered.books, account).sent
    assert sent.total == 42

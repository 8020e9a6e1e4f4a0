from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from tallygate.adapters.store import audit_log, invoices, subscriptions
from tallygate.adapters.store.catalogs import load_catalog
from tallygate.core.errors import Conflict
from tallygate.core.failpoints import armed
from tallygate.rating.rate import rate_metered
from tallygate.workflows.change import cancel, change_plan
from tallygate.workflows.close import close_due
from tallygate.workflows.questions.preview import explain, preview
from tallygate.workflows.subscribe import subscribe

CATALOG = """
name: test
currency: usd
meters:
  devices: {event: device.report, value: devices, aggregation: max, round: {to: "1", mode: up}}
  messages: {event: mqtt.report, value: n, aggregation: sum, unit: message}
plans:
  free: {name: Free, prices: []}
  starter:
    name: Starter
    prices:
      - {key: starter_monthly, flat: "29.00", every: month}
      - {key: device_usage, meter: devices, included: 5, per_unit: "5.00"}
      - {key: messages_used, meter: messages, per_unit: "1.00"}
  pro:
    name: Pro
    prices:
      - {key: pro_monthly, flat: "99.00", every: month}
      - {key: device_usage_pro, meter: devices, included: 20, per_unit: "4.00"}
coupons:
  ONCE: {percent_off: 50, duration: once}
"""


def at(month: int, day: int, hour: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def stored(platform: Any, subscription: str) -> list[Any]:
    with platform.installation.store.read() as tx:
        return list(invoices.of_subscription(tx, subscription))


def present(platform: Any, subscription: str) -> Any:
    with platform.installation.store.read() as tx:
        return subscriptions.get(tx, subscription)


def test_events_alone_come_to_44_dollars(each_platform: Any) -> None:
    """D7, on both engines, and what is saved is what was computed."""
    platform = each_platform
    platform.publish(CATALOG)
    subscription = platform.subscribed("starter")
    platform.clock.set(at(1, 20))
    platform.send("device.report", at(1, 10), {"devices": 8})
    seen = preview(platform.installation, subscription.id)
    [invoice] = platform.close(at(2, 1))
    assert (invoice.total, invoice.number, invoice.position) == (4400, 2, 1)
    assert seen.lines == invoice.lines
    assert stored(platform, subscription.id)[1] == invoice
    assert [line.amount for line in invoice.lines] == [2900, 1500, 0]


def test_a_close_waits_half_an_hour_for_late_events(platform: Any) -> None:
    platform.publish(CATALOG)
    platform.subscribed("starter")
    platform.clock.set(at(2, 1) + timedelta(minutes=29))
    platform.send("mqtt.report", at(1, 31, 23), {"n": 3})
    assert platform.close() == []
    [invoice] = platform.close(at(2, 1))
    assert invoice.total == 2900 + 300


def test_closing_twice_changes_nothing(platform: Any) -> None:
    platform.publish(CATALOG)
    subscription = platform.subscribed("starter")
    first = platform.close(at(2, 1))
    before = present(platform, subscription.id), stored(platform, subscription.id)
    assert platform.close() == []
    assert (present(platform, subscription.id), stored(platform, subscription.id)) == before
    assert len(first) == 1


def test_missed_periods_are_closed_in_order(platform: Any) -> None:
    platform.publish(CATALOG)
    subscription = platform.subscribed("starter")
    made = platform.close(at(5, 1), commit=False)
    assert [invoice.dated for invoice in made] == [at(m, 1) for m in (2, 3, 4, 5)]
    assert len(stored(platform, subscription.id)) == 1
    saved = platform.close()
    assert [invoice.number for invoice in saved] == [2, 3, 4, 5]
    assert [invoice.lines for invoice in saved] == [invoice.lines for invoice in made]


def test_a_crash_between_two_boundaries_is_gone_on_from(platform: Any) -> None:
    platform.publish(CATALOG)
    subscription = platform.subscribed("starter")
    for name, there in (("close.commit.before", 0), ("close.commit.after", 1)):
        with armed(name, _stop), pytest.raises(_StopError):
            platform.close(at(5, 1))
        assert len(stored(platform, subscription.id)) == 1 + there
    platform.close()
    found = stored(platform, subscription.id)
    assert [(i.number, i.dated) for i in found] == [(n, at(n, 1)) for n in range(1, 6)]


def test_late_usage_is_on_the_next_invoice(each_platform: Any) -> None:
    platform = each_platform
    platform.publish(CATALOG)
    subscription = platform.subscribed("starter", coupons=["ONCE"])
    platform.close(at(2, 1))
    platform.send("mqtt.report", at(1, 31, 23), {"n": 7})
    platform.send("mqtt.report", at(2, 1, 0), {"n": 2})
    seen = preview(platform.installation, subscription.id, at(2, 1, 1))
    [invoice] = platform.close(at(3, 1))
    assert [(line.price, line.kind, line.net) for line in invoice.lines] == [
        ("starter_monthly", "flat", 2900),
        ("device_usage", "metered", 0),
        ("messages_used", "metered", 200),
        ("messages_used", "adjustment", 700),
    ]
    assert seen.lines == invoice.lines
    assert preview(platform.installation, subscription.id).total == 2900


def test_late_usage_of_a_meter_that_was_defined_anew_is_billed(platform: Any) -> None:
    """Two versions, one key: January's events are of one type, February's of another."""
    platform.publish(CATALOG)
    subscription = platform.subscribed("starter")
    platform.clock.set(at(1, 20))
    platform.publish(CATALOG.replace("mqtt.report", "mqtt.sent").replace("29.00", "28.00"))
    change_plan(platform.installation, subscription.id, "starter", when="period_end")
    platform.close(at(2, 1))
    platform.close(at(3, 1))
    platform.send("mqtt.sent", at(2, 10), {"n": 5})
    [invoice] = platform.close(at(4, 1))
    assert [line.net for line in invoice.lines if line.kind == "adjustment"] == [500]


def test_an_ended_subscription_gets_its_last_invoice(platform: Any) -> None:
    platform.publish(CATALOG)
    subscription = platform.subscribed("starter")
    platform.clock.set(at(1, 11))
    platform.send("mqtt.report", at(1, 10), {"n": 4})
    cancel(platform.installation, subscription.id, now=True)
    [invoice] = platform.close(at(1, 11))
    assert (invoice.reason, invoice.total) == ("end", 400)
    assert platform.close(at(6, 1)) == []


@pytest.mark.parametrize(
    ("used", "reason", "total"),
    [(60, "adjustment", 6000), (50, "adjustment", 5000), (49, None, 0)],
)
def test_usage_after_the_last_invoice(
    platform: Any, used: int, reason: str | None, total: int
) -> None:
    platform.publish(CATALOG)
    subscription = platform.subscribed("starter")
    cancel(platform.installation, subscription.id)
    platform.close(at(2, 1))
    platform.send("mqtt.report", at(1, 10), {"n": used})
    made = platform.close(at(2, 2))
    assert [(i.reason, i.total) for i in made] == ([(reason, total)] if reason else [])
    assert platform.close() == []
    with platform.installation.store.read() as tx:
        written = invoices.latest_write_off(tx, subscription.id)
    assert (written.amount if written else 0) == used * 100 - total


def test_what_was_written_off_is_billed_once_it_is_enough(platform: Any) -> None:
    platform.publish(CATALOG)
    subscription = platform.subscribed("starter")
    cancel(platform.installation, subscription.id)
    platform.close(at(2, 1))
    platform.send("mqtt.report", at(1, 10), {"n": 40})
    assert platform.close(at(2, 2)) == []
    platform.send("mqtt.report", at(1, 11), {"n": 20})
    [invoice] = platform.close(at(2, 3))
    assert invoice.total == 6000
    with platform.installation.store.read() as tx:
        written = invoices.latest_write_off(tx, subscription.id)
    assert written is not None
    assert written.amount == 0
    assert platform.close(at(2, 4)) == []


def test_less_usage_after_the_end_is_a_credit_note(platform: Any) -> None:
    platform.publish(CATALOG.replace("aggregation: sum", "aggregation: last"))
    subscription = platform.subscribed("starter")
    platform.clock.set(at(1, 11))
    platform.send("mqtt.report", at(1, 10), {"n": 9})
    cancel(platform.installation, subscription.id)
    platform.close(at(2, 1))
    platform.send("mqtt.report", at(1, 12), {"n": 2})
    [invoice] = platform.close(at(2, 2))
    assert (invoice.reason, invoice.total) == ("adjustment", -700)


def test_one_that_cannot_be_billed_does_not_hold_up_the_others(platform: Any) -> None:
    platform.publish(CATALOG)
    broken = platform.subscribed("starter", "broken")
    platform.subscribed("starter", "sound")
    with platform.installation.store.write() as tx:
        row = {"sub": broken.id}
        tx.execute(text("UPDATE subscriptions SET currency = 'eur' WHERE id = :sub"), row)
    with pytest.raises(Conflict, match=f"{broken.id}: The price starter_monthly has no amount"):
        platform.close(at(2, 1))
    with platform.installation.store.read() as tx:
        assert len(subscriptions.due_by(tx, at(2, 1))) == 1


def test_one_that_the_database_refuses_is_undone_alone(each_platform: Any) -> None:
    """All are written at once; the control is the one that was billed for the month before."""
    platform = each_platform
    platform.publish(CATALOG)
    made = [platform.subscribed("starter", f"tenant-{number}") for number in range(4)]
    refused, others = made[1], [made[0], *made[2:]]
    platform.close(at(2, 1), billing_account=refused.billing_account)
    with platform.installation.store.write() as tx:
        now = subscriptions.get(tx, refused.id)
        assert now is not None
        subscriptions.save(tx, replace(now, billed_until=at(1, 1)))
    with pytest.raises(Conflict) as told:
        platform.close()
    assert f"{refused.id}: The subscription {refused.id} has an invoice of" in str(told.value)
    assert not any(one.id in str(told.value) for one in others)
    for one in made:
        assert [invoice.number for invoice in stored(platform, one.id)] == [1, 2]
    with platform.installation.store.read() as tx:
        assert list(subscriptions.due_by(tx, at(2, 1))) == [refused.id]
        assert audit_log.verify(tx) is None
        noted = [one.entry.subject for one in audit_log.page(tx, None)]
        assert noted == [stored(platform, one.id)[1].id for one in [refused, *others]]


def test_many_are_closed_as_each_would_be(platform: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In groups of three, with an account that has two to be closed, over several boundaries."""
    platform.publish(CATALOG)
    monkeypatch.setattr("tallygate.workflows.close.TOGETHER", 3)
    made = [platform.subscribed("starter", f"tenant-{number}") for number in range(5)]
    platform.clock.set(at(1, 11))
    cancel(platform.installation, made[1].id, now=True)
    made.append(subscribe(platform.installation, made[1].billing_account, "pro")[0])
    for number in range(5):
        platform.send("mqtt.report", at(1, 10), {"n": number}, f"tenant-{number}")
    platform.clock.set(at(3, 11, 1))
    foreseen = {(one.subscription, one.dated): one.lines for one in platform.close(commit=False)}
    saved = platform.close()
    assert len(saved) == len(foreseen) == 4 * 2 + 1 + 2
    assert {(one.subscription, one.dated): one.lines for one in saved} == foreseen
    for one in made:
        assert [kept for kept in saved if kept.subscription == one.id] == stored(platform, one.id)[
            1:
        ]


@pytest.mark.parametrize("store", ["postgres"], indirect=True)
def test_two_invoices_for_a_period_are_refused_by_the_database(each_platform: Any) -> None:
    """R7. A closer that forgot how far it came; the control takes the rule away."""
    platform = each_platform
    platform.publish(CATALOG)
    subscription = platform.subscribed("starter")
    platform.close(at(2, 1))
    with platform.installation.store.write() as tx:
        now = subscriptions.get(tx, subscription.id)
        assert now is not None
        subscriptions.save(tx, replace(now, billed_until=at(1, 1)))
    with pytest.raises(Conflict, match="has an invoice of 2026-02-01T00:00:00Z"):
        platform.close()
    assert len(stored(platform, subscription.id)) == 2
    rule = "uq_invoices_subscription_dated_reason"
    with platform.installation.store.write() as tx:
        tx.execute(text(f"ALTER TABLE invoices DROP CONSTRAINT {rule}"))
    try:
        platform.close()
        assert len(stored(platform, subscription.id)) == 3
    finally:
        with platform.installation.store.write() as tx:
            tx.execute(text("DELETE FROM invoice_lines"))
            tx.execute(text("DELETE FROM invoices"))
            columns = "UNIQUE (subscription, dated, reason)"
            tx.execute(text(f"ALTER TABLE invoices ADD CONSTRAINT {rule} {columns}"))


def test_eight_closers_at_once_make_one_invoice_each(each_platform: Any) -> None:
    """R7: 8 closers, 10 subscriptions, 3 boundaries."""
    platform = each_platform
    platform.publish(CATALOG)
    made = [platform.subscribed("starter", f"tenant-{n}") for n in range(10)]
    platform.clock.set(at(4, 1, 1))
    with ThreadPoolExecutor(8) as closers:
        runs = [closers.submit(close_due, platform.installation) for _ in range(8)]
        saved = [invoice for run in runs for invoice in run.result()]
    assert len(saved) == 30
    for subscription in made:
        found = stored(platform, subscription.id)
        assert [invoice.dated for invoice in found] == [at(month, 1) for month in range(1, 5)]


def test_a_stored_invoice_is_rated_again_to_the_same_lines(platform: Any) -> None:
    """I3: from what an invoice keeps (price version, quantity, window, share) alone."""
    version = platform.publish(CATALOG)
    subscription = platform.subscribed("starter")
    platform.clock.set(at(1, 11))
    change_plan(platform.installation, subscription.id, "pro")
    platform.send("device.report", at(1, 10), {"devices": 33})
    platform.send("mqtt.report", at(1, 10), {"n": 7})
    platform.clock.set(at(1, 12))
    platform.send("device.report", at(1, 12), {"devices": 33})
    platform.publish(CATALOG.replace("5.00", "6.00"))
    [closed] = platform.close(at(2, 1))
    with platform.installation.store.read() as tx:
        catalog = load_catalog(tx, version)
    prices = {price.key: price for plan in catalog.plans.values() for price in plan.prices}
    metered = [line for line in closed.lines if line.meter is not None]
    assert [line.amount for line in metered] == [4516, 700, 3523]
    for line in metered:
        assert line.catalog_version == version
        assert line == replace(
            rate_metered(
                prices[line.price],
                line.currency,
                line.measured,
                line.period,
                share=line.share,
                level=line.level,
                unit=line.unit,
            ),
            catalog_version=version,
        )


def test_a_crash_before_the_commit_leaves_nothing(platform: Any) -> None:
    platform.publish(CATALOG)
    account = platform.tenant().billing_account
    with armed("subscribe.commit.before", _stop), pytest.raises(_StopError):
        subscribe(platform.installation, account, "starter")
    subscription, _ = subscribe(platform.installation, account, "starter")
    platform.clock.set(at(1, 11))
    with armed("change.commit.before", _stop), pytest.raises(_StopError):
        change_plan(platform.installation, subscription.id, "pro")
    assert present(platform, subscription.id) == subscription
    assert [invoice.number for invoice in stored(platform, subscription.id)] == [1]


def test_accounts_are_closed_alone_when_asked(platform: Any) -> None:
    platform.publish(CATALOG)
    one = platform.subscribed("starter", "one")
    platform.subscribed("starter", "two")
    made = platform.close(at(2, 1), billing_account=one.billing_account)
    assert [invoice.subscription for invoice in made] == [one.id]


def test_explain_leads_down_to_the_events(platform: Any) -> None:
    platform.publish(CATALOG)
    subscription = platform.subscribed("starter")
    platform.clock.set(at(1, 20))
    platform.send("device.report", at(1, 10), {"devices": 8})
    [closed] = platform.close(at(2, 1))
    invoice, told = explain(platform.installation, closed.id)
    assert invoice == closed
    devices = told[1]
    assert "3 x 5.00 USD = 15.00 USD" in devices.sentences
    assert subscription.organization in devices.subjects
    assert devices.events.startswith("/v1/events?billing_account=bil_")
    assert "meter=devices" in devices.events
    assert told[0].events == ""


class _StopError(BaseException):
    """As a kill: nothing that the close would go on after."""


def _stop() -> None:
    raise _StopError

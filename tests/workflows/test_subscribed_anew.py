"""What comes late for a subscription that ended, when the account has another one by now."""

from datetime import UTC, datetime
from typing import Any

from tallygate.adapters.store import invoices
from tallygate.workflows.change import cancel
from tallygate.workflows.close import close_due
from tallygate.workflows.questions.preview import preview
from tallygate.workflows.subscribe import subscribe

CATALOG = """
name: test
currency: usd
meters:
  messages: {event: mqtt.report, value: n, aggregation: sum, unit: message}
plans:
  pro:
    name: Pro
    prices:
      - {key: pro_monthly, flat: "31.00", every: month}
      - {key: messages_used, meter: messages, per_unit: "1.00"}
"""


def at(month: int, day: int) -> datetime:
    return datetime(2026, month, day, tzinfo=UTC)


def used(platform: Any, when: datetime, number: int) -> None:
    platform.send("mqtt.report", when, {"n": number})


def ended(platform: Any) -> Any:
    """A subscription of ten days that had its last invoice."""
    platform.publish(CATALOG)
    first = platform.subscribed("pro")
    platform.clock.set(at(1, 11))
    cancel(platform.installation, first.id, now=True)
    platform.close(at(1, 11))
    return first


def written_off(platform: Any, subscription: str) -> int:
    with platform.installation.store.read() as tx:
        found = invoices.latest_write_off(tx, subscription)
    return 0 if found is None else found.amount


def adjustments(invoice: Any) -> list[int]:
    return [line.net for line in invoice.lines if line.kind == "adjustment"]


def test_it_stands_on_the_next_invoice(platform: Any) -> None:
    """Too little for a one-off invoice, and not written off."""
    first = ended(platform)
    second, _ = subscribe(platform.installation, first.billing_account, "pro")
    platform.clock.set(at(1, 13))
    used(platform, at(1, 5), 30)
    used(platform, at(1, 12), 2)
    assert platform.close() == []
    assert written_off(platform, first.id) == 0
    platform.clock.set(at(3, 12))
    seen = preview(platform.installation, second.id)
    foreseen = close_due(platform.installation, commit=False)
    saved = close_due(platform.installation)
    assert [one.lines for one in foreseen] == [one.lines for one in saved]
    assert seen.lines == saved[0].lines
    assert [one.total for one in saved] == [3100 + 200 + 3000, 3100]
    assert [adjustments(one) for one in saved] == [[3000], []]
    used(platform, at(1, 6), -10)
    [april] = platform.close(at(4, 12))
    assert adjustments(april) == [-1000]
    assert april.lines[-1].note.startswith("late usage: all 20 come to 20.00 USD, and 30.00 USD")


def test_what_was_written_off_is_owed_after_all(platform: Any) -> None:
    first = ended(platform)
    used(platform, at(1, 5), 30)
    assert platform.close() == []
    assert written_off(platform, first.id) == 3000
    subscribe(platform.installation, first.billing_account, "pro")
    [february] = platform.close(at(2, 12))
    assert adjustments(february) == [3000]
    assert written_off(platform, first.id) == 0


def test_both_are_settled_alone_once_both_have_ended(platform: Any) -> None:
    """30.00 of the first stand on the second's last invoice: 60 more make a one-off of 60.00."""
    first = ended(platform)
    second, _ = subscribe(platform.installation, first.billing_account, "pro")
    used(platform, at(1, 5), 30)
    platform.clock.set(at(1, 21))
    cancel(platform.installation, second.id, now=True)
    [last] = platform.close(at(1, 21))
    assert (last.reason, last.subscription, adjustments(last)) == ("end", second.id, [3000])
    assert platform.close() == []
    used(platform, at(1, 6), 60)
    [one_off] = platform.close(at(1, 22))
    assert (one_off.subscription, one_off.total) == (first.id, 6000)
    assert platform.close(at(1, 23)) == []
    assert written_off(platform, first.id) == written_off(platform, second.id) == 0

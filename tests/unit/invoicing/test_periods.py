"""Boundaries, arrears and advances, trials, ends: amounts stated by hand."""

from datetime import UTC, datetime
from typing import Any

from tallygate.core.period import Period

CATALOG = """
name: test
currency: usd
meters:
  devices: {event: device.report, value: devices, aggregation: max, round: {to: "1", mode: up}}
  messages: {event: mqtt.report, value: n, aggregation: sum}
  hours: {event: box.state, value: running, aggregation: time_weighted, unit: hour}
plans:
  free: {name: Free, prices: []}
  starter:
    name: Starter
    prices:
      - {key: starter_monthly, flat: "29.00", every: month}
      - {key: starter_annual, flat: "290.00", every: year}
      - {key: device_usage, meter: devices, included: 5, per_unit: "5.00"}
      - {key: messages_used, meter: messages, package: {size: 1000, price: "0.10"}}
  bounded:
    name: Bounded
    prices:
      - {key: hours_used, meter: hours, included: 10, per_unit: "1.00", minimum: "31.00"}
coupons:
  EARLYBIRD30: {percent_off: 30, duration: forever}
  FIVE: {amount_off: {usd: "5.00"}, duration: once}
  THREE: {percent_off: 10, duration: {months: 3}}
"""


def at(month: int, day: int, hour: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def test_eight_devices_are_44_dollars(live: Any, amounts: Any) -> None:
    """D7: $29, 5 devices included, $5 each more."""
    life = live(CATALOG, "starter", at(1, 1))
    assert amounts(life.begin()) == [("starter_monthly", "flat", 2900)]
    life.diary.note("devices", at(1, 10), "8")
    life.diary.note("devices", at(1, 20), "6")
    invoice = life.close()
    assert amounts(invoice) == [
        ("starter_monthly", "flat", 2900),
        ("device_usage", "metered", 1500),
        ("messages_used", "metered", 0),
    ]
    assert invoice.total == 4400
    assert (invoice.dated, invoice.period) == (at(2, 1), Period(at(1, 1), at(2, 1)))
    flat, devices, _ = invoice.lines
    assert flat.period == Period(at(2, 1), at(3, 1))
    assert devices.period == Period(at(1, 1), at(2, 1))


def test_an_annual_base_is_billed_once_and_usage_every_month(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "starter", at(1, 31), interval="year")
    first = life.begin()
    assert amounts(first) == [("starter_annual", "flat", 29000)]
    assert first.lines[0].period == Period(at(1, 31), at(1, 31, year=2027))
    ends = []
    for month in range(1, 13):
        life.diary.note("devices", life.contract.subscription.billed_until, str(5 + month))
        invoice = life.close()
        ends.append((invoice.dated.month, invoice.dated.day))
        usage = [("device_usage", "metered", 500 * month), ("messages_used", "metered", 0)]
        base = [("starter_annual", "flat", 29000)] if month == 12 else []
        assert amounts(invoice) == base + usage
    assert ends[:4] == [(2, 28), (3, 31), (4, 30), (5, 31)]


def test_a_trial_costs_nothing_and_its_end_begins_the_calendar(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "starter", at(1, 1), trial_days=14, coupons=["FIVE"])
    assert amounts(life.begin()) == [("starter_monthly", "flat", 0)]
    life.diary.note("devices", at(1, 10), "100")
    life.diary.note("messages", at(1, 10), "5000")
    invoice = life.close()
    assert invoice.dated == at(1, 15)
    assert amounts(invoice) == [
        ("starter_monthly", "flat", 2400),
        ("device_usage", "metered", 0),
        ("messages_used", "metered", 0),
    ]
    assert invoice.lines[1].measured == 100
    life.diary.note("messages", at(1, 12), "9000")
    assert life.late() == []
    assert amounts(life.close())[0] == ("starter_monthly", "flat", 2900)


def test_a_trial_knows_no_minimum(live: Any) -> None:
    life = live(CATALOG, "bounded", at(1, 1), trial_days=14)
    assert life.begin() is None
    assert life.close().total == 0
    assert life.close().total == 3100


def test_a_plan_change_in_a_trial_is_free(live: Any) -> None:
    life = live(CATALOG, "starter", at(1, 1), trial_days=14)
    life.begin()
    assert life.change("bounded", at(1, 5)) is None
    life.diary.note("messages", at(1, 3), "5000")
    invoice = life.close()
    assert invoice.dated == at(1, 15)
    assert invoice.total == 0


def test_a_free_plan_has_no_invoice(live: Any) -> None:
    life = live(CATALOG, "free", at(1, 1))
    assert life.begin() is None
    assert life.close() is None
    assert life.contract.subscription.billed_until == at(2, 1)


def test_a_start_between_boundaries_pays_by_the_second(live: Any, amounts: Any) -> None:
    """18 of January 31 to February 28's 28 days; the allowance in the same proportion."""
    life = live(CATALOG, "bounded", at(2, 10), anchor_day=31)
    assert life.begin() is None
    invoice = life.close()
    assert invoice.dated == at(2, 28)
    assert amounts(invoice) == [("hours_used", "metered", 1993)]  # 31.00 x 18 / 28 = 19.9286
    flat = live(CATALOG, "starter", at(2, 10), anchor_day=31)
    assert amounts(flat.begin()) == [("starter_monthly", "flat", 1864)]  # 29.00 x 18 / 28


def test_the_end_has_metered_lines_with_whole_allowances(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "starter", at(1, 1))
    life.begin()
    life.diary.note("devices", at(1, 5), "8")
    life.cancel(at(1, 11), now=True)
    invoice = life.close()
    assert (invoice.reason, invoice.dated) == ("end", at(1, 11))
    assert amounts(invoice) == [
        ("device_usage", "metered", 1500),
        ("messages_used", "metered", 0),
    ]
    assert life.contract.subscription.closed


def test_an_end_with_a_refund_gives_back_by_the_second(live: Any, amounts: Any) -> None:
    """21 of 31 days of $29 come back; the peak's amount is 10 / 31 of $15."""
    life = live(CATALOG, "starter", at(1, 1), coupons=["EARLYBIRD30"])
    assert life.begin().total == 2030
    life.diary.note("devices", at(1, 5), "8")
    life.cancel(at(1, 11), now=True, refund=True)
    assert amounts(life.close()) == [
        ("device_usage", "metered", 339),  # 484 - 30 % = 338.8
        ("messages_used", "metered", 0),
        ("starter_monthly", "credit", -1375),  # 2030 x 21 / 31 = 1375.16
    ]


def test_a_refund_at_the_instant_of_billing_is_everything(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "starter", at(1, 1), coupons=["EARLYBIRD30"])
    life.begin()
    life.cancel(at(1, 1), now=True, refund=True)
    life.close()
    assert life.total == 0


def test_a_cancellation_at_the_periods_end_bills_the_usage(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "starter", at(1, 1))
    life.begin()
    life.diary.note("messages", at(1, 31, 23), "1001")
    life.cancel(at(1, 11))
    invoice = life.close()
    assert (invoice.reason, invoice.dated) == ("end", at(2, 1))
    assert amounts(invoice) == [("device_usage", "metered", 0), ("messages_used", "metered", 20)]


def test_a_coupon_for_ever_takes_its_part_of_every_line(live: Any, amounts: Any) -> None:
    """B8: 30 % off; 2900 + 1500 = 4400, 30 % are 1320."""
    life = live(CATALOG, "starter", at(1, 1), coupons=["EARLYBIRD30"])
    assert life.begin().total == 2030
    life.diary.note("devices", at(1, 5), "8")
    invoice = life.close()
    assert (invoice.subtotal, invoice.discount, invoice.total) == (4400, 1320, 3080)
    assert invoice.coupons == ("EARLYBIRD30",)


def test_a_coupon_counts_once_or_for_months(live: Any) -> None:
    once = live(CATALOG, "starter", at(1, 1), coupons=["FIVE"])
    assert [once.begin().total, once.close().total, once.close().total] == [2400, 2900, 2900]
    assert once.contract.subscription.redemptions[0].spent_by == "inv_1"
    months = live(CATALOG, "starter", at(1, 1), coupons=["THREE"])
    totals = [months.begin().total, *(months.close().total for _ in range(3))]
    assert totals == [2610, 2610, 2610, 2900]


def test_yen_have_no_decimals(live: Any, amounts: Any) -> None:
    text = """
name: yen
currency: [jpy, usd]
meters:
  calls: {event: call, aggregation: count}
plans:
  pro:
    name: Pro
    prices:
      - {key: base, flat: {jpy: "3000", usd: "20.00"}, every: month}
      - {key: calls_made, meter: calls, per_unit: {jpy: "0.5", usd: "0.004"}}
"""
    for currency, base, usage in (("jpy", 3000, 3), ("usd", 2000, 2)):
        life = live(text, "pro", at(1, 1), currency=currency)
        assert life.begin().total == base
        for day in range(1, 6):
            life.diary.note("calls", at(1, day), "1")
        assert amounts(life.close()) == [
            ("base", "flat", base),
            ("calls_made", "metered", usage),  # 2.5 yen are 3; 2.0 cents are 2
        ]


def test_the_preview_at_the_boundary_is_the_close(live: Any) -> None:
    life = live(CATALOG, "starter", at(1, 1), coupons=["EARLYBIRD30", "FIVE"])
    life.begin()
    life.diary.note("devices", at(1, 5), "8")
    preview, closed = life.preview(), life.close()
    assert preview.lines == closed.lines

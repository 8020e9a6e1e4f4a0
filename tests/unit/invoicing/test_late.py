"""Usage after the close: up, down, with coupons, and never twice."""

from datetime import UTC, datetime
from typing import Any

CATALOG = """
name: test
currency: usd
meters:
  calls: {event: call, value: n, aggregation: sum}
  devices: {event: device.report, value: devices, aggregation: last}
plans:
  pro:
    name: Pro
    prices:
      - {key: base, flat: "10.00", every: month}
      - {key: calls_made, meter: calls, graduated: [{up_to: 10, unit: "1.00"}, {unit: "0.50"}]}
      - {key: devices_had, meter: devices, per_unit: "1.00"}
  max:
    name: Max
    prices:
      - {key: max_base, flat: "20.00", every: month}
      - {key: calls_made, meter: calls, graduated: [{up_to: 10, unit: "1.00"}, {unit: "0.50"}]}
coupons:
  THIRD: {percent_off: 30, duration: {months: 2}}
  MUCH: {amount_off: {usd: "15.00"}, duration: forever}
"""

PEAKS = """
name: test
currency: usd
meters:
  peak: {event: device.report, value: devices, aggregation: max}
plans:
  small:
    name: Small
    prices:
      - {key: small_base, flat: "10.00", every: month}
      - {key: peak_small, meter: peak, included: 5, per_unit: "5.00"}
  large:
    name: Large
    prices:
      - {key: large_base, flat: "20.00", every: month}
      - {key: peak_large, meter: peak, included: 50, per_unit: "5.00"}
"""


def at(month: int, day: int, hour: int = 0) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def test_late_usage_is_priced_on_the_curve_of_its_period(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "pro", at(1, 1))
    life.begin()
    life.diary.note("calls", at(1, 5), "8")
    life.close()
    life.diary.note("calls", at(1, 6), "4")
    invoice = life.close()
    assert amounts(invoice)[-1] == ("calls_made", "adjustment", 300)  # 2 x 1.00 + 2 x 0.50
    line = invoice.lines[-1]
    assert (line.corrects, line.measured) == ("inv_2", 12)
    assert (
        line.note == "late usage: all 12 come to 11.00 USD, and 8.00 USD was billed on invoice 2"
    )
    assert life.late() == []
    assert [kind for _, kind, _ in amounts(life.close())] == ["flat", "metered", "metered"]


def test_a_late_last_value_can_go_down(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "pro", at(1, 1))
    life.begin()
    life.diary.note("devices", at(1, 5), "8")
    life.close()
    life.diary.note("devices", at(1, 31), "3")
    assert amounts(life.close())[-1] == ("devices_had", "adjustment", -500)
    life.diary.note("devices", at(1, 31, 23), "4")
    assert amounts(life.close())[-1] == ("devices_had", "adjustment", 100)


def test_an_adjustment_carries_the_coupons_of_what_it_corrects(live: Any, amounts: Any) -> None:
    """January's invoice had 30 % off; in March the coupon is over, the adjustment still has it."""
    life = live(CATALOG, "pro", at(1, 1), coupons=["THIRD"])
    life.begin()
    life.close()
    life.close()
    life.diary.note("calls", at(1, 6), "10")
    invoice = life.close()
    assert invoice.coupons == ()
    assert amounts(invoice)[-1] == ("calls_made", "adjustment", 700)
    assert invoice.lines[-1].note.endswith("was billed on invoice 2")


def test_an_amount_off_that_had_nothing_left_takes_its_part_later(live: Any, amounts: Any) -> None:
    """10.00 of 15.00 were used; late usage of 8.00 finds the other 5.00."""
    life = live(CATALOG, "pro", at(1, 1), coupons=["MUCH"])
    life.begin()
    assert life.close().total == 0
    life.diary.note("calls", at(1, 6), "8")
    assert amounts(life.close())[-1] == ("calls_made", "adjustment", 300)
    assert life.late() == []


def test_an_adjustment_changes_the_part_of_a_split_period(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "pro", at(1, 1))
    life.begin()
    life.change("max", at(1, 11))
    life.diary.note("calls", at(1, 5), "10")
    life.diary.note("calls", at(1, 15), "10")
    life.close()
    life.diary.note("calls", at(1, 6), "2")
    invoice = life.close()
    assert amounts(invoice)[-1] == ("calls_made", "adjustment", 100)
    assert invoice.lines[-1].period.end == at(1, 11)


def test_a_late_level_changes_its_own_part_of_a_split_period(live: Any, amounts: Any) -> None:
    """8 - 5 at 5.00 for 15 of 31 days; 60 - 50 in the other part cost 50.00 x 16 / 31."""
    life = live(PEAKS, "small", at(1, 1))
    life.begin()
    life.diary.note("peak", at(1, 10), "8")
    life.change("large", at(1, 16))
    life.diary.note("peak", at(1, 19), "30")
    assert amounts(life.close())[1:] == [
        ("peak_small", "metered", 726),
        ("peak_large", "metered", 0),
    ]
    life.diary.note("peak", at(1, 20), "60")
    assert amounts(life.close())[2:] == [("peak_large", "adjustment", 2581)]
    life.diary.note("peak", at(1, 2), "9")
    assert amounts(life.close())[2:] == [("peak_small", "adjustment", 968 - 726)]


def test_several_periods_at_once(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "pro", at(1, 1))
    life.begin()
    for _ in range(3):
        life.close()
    life.diary.note("calls", at(1, 6), "1")
    life.diary.note("calls", at(3, 6), "2")
    found = life.late()
    assert [(line.corrects, line.amount) for line in found] == [("inv_2", 100), ("inv_4", 200)]


def test_a_period_that_no_event_can_reach_is_left_alone(live: Any) -> None:
    life = live(CATALOG, "pro", at(1, 1))
    life.begin()
    life.close()
    life.diary.note("calls", at(1, 6), "1")
    asked = life.diary.asked
    life.clock = datetime(2040, 1, 1, tzinfo=UTC)
    assert life.late() == []
    assert life.diary.asked == asked

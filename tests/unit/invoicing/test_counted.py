"""Counted prices: in advance at the boundary, owed by the second."""

from datetime import UTC, datetime
from typing import Any

from tallygate.core.period import Period

CATALOG = """
name: test
currency: usd
meters:
  traffic: {event: net.report, value: gb, aggregation: sum, unit: GB}
plans:
  base:
    name: Base
    prices: [{key: base_monthly, flat: "10.00", every: month}]
  seats:
    name: Seats
    prices: [{key: seat, count: members, per_unit: "31.00", every: month}]
  free: {name: Free, prices: []}
prices:
  - {key: vm_small, per_unit: "31.00", every: month}
  - {key: vm_tiered, graduated: [{up_to: 1, unit: "31.00"}, {unit: "15.50"}], every: month}
  - {key: balancer_traffic, meter: traffic, per_unit: "1.00"}
resources:
  vm.small: {price: vm_small}
  vm.tiered: {price: vm_tiered}
  balancer: {price: balancer_traffic}
  bucket: {}
coupons:
  HALF: {percent_off: 50, duration: forever}
"""


def at(month: int, day: int, hour: int = 0) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def alive(start: datetime, end: datetime | None = None) -> Period:
    return Period(start, end or datetime(2030, 1, 1, tzinfo=UTC))


def test_what_exists_is_billed_in_advance(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "base", at(1, 1))
    life.diary.resources += [("vm.small", alive(at(1, 1))), ("vm.small", alive(at(1, 1)))]
    life.diary.resources.append(("bucket", alive(at(1, 1))))
    assert amounts(life.begin()) == [("base_monthly", "flat", 1000), ("vm_small", "counted", 6200)]
    again = life.close()
    assert amounts(again) == [("base_monthly", "flat", 1000), ("vm_small", "counted", 6200)]
    assert again.lines[1].period == Period(at(2, 1), at(3, 1))


def test_what_comes_and_goes_is_owed_by_the_second(live: Any, amounts: Any) -> None:
    """One VM for 21 days, one for 12 hours, one paid in advance that leaves after 10 days."""
    life = live(CATALOG, "base", at(1, 1))
    life.diary.resources.append(("vm.small", alive(at(1, 1), at(1, 11))))
    assert life.begin().total == 4100
    life.diary.resources.append(("vm.small", alive(at(1, 11))))
    life.diary.resources.append(("vm.small", alive(at(1, 20), at(1, 20, 12))))
    assert amounts(life.close()) == [
        ("base_monthly", "flat", 1000),
        ("vm_small", "counted", 3100),
        ("vm_small", "counted", 50),
    ]
    assert life.invoices[-1].lines[2].period == Period(at(1, 1), at(2, 1))


def test_less_than_the_advance_is_a_credit(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "base", at(1, 1), coupons=["HALF"])
    life.diary.resources.append(("vm.small", alive(at(1, 1), at(1, 11))))
    assert life.begin().total == 2050
    assert amounts(life.close()) == [
        ("base_monthly", "flat", 500),
        ("vm_small", "credit", -1050),  # 21 days, net of the half that was paid
    ]


def test_the_curve_is_taken_at_every_instant(live: Any, amounts: Any) -> None:
    """The second costs half: 31 for the month, and 15.50 x 1 / 31 for a day."""
    life = live(CATALOG, "base", at(1, 1))
    life.diary.resources.append(("vm.tiered", alive(at(1, 1))))
    life.begin()
    life.diary.resources.append(("vm.tiered", alive(at(1, 10), at(1, 11))))
    assert amounts(life.close())[2] == ("vm_tiered", "counted", 50)


def test_seats_count_members(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "seats", at(1, 1))
    life.diary.people.append(alive(at(1, 1)))
    assert amounts(life.begin()) == [("seat", "counted", 3100)]
    life.diary.people.append(alive(at(1, 31)))
    assert amounts(life.close()) == [("seat", "counted", 6200), ("seat", "counted", 100)]


def test_a_type_with_a_metered_price_appears_with_the_resource(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "base", at(1, 1))
    life.begin()
    assert amounts(life.close()) == [("base_monthly", "flat", 1000)]
    life.diary.resources.append(("balancer", alive(at(2, 3))))
    life.diary.note("traffic", at(2, 5), "7")
    assert amounts(life.close()) == [
        ("base_monthly", "flat", 1000),
        ("balancer_traffic", "metered", 700),
    ]


def test_a_free_plan_pays_for_its_resources(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "free", at(1, 1))
    assert life.begin() is None
    life.diary.resources.append(("vm.small", alive(at(1, 22))))
    assert amounts(life.close()) == [("vm_small", "counted", 3100), ("vm_small", "counted", 1000)]


def test_an_end_bills_more_and_refunds_only_when_asked(live: Any, amounts: Any) -> None:
    for refund, expected in (
        (False, [("vm_small", "counted", 500)]),
        (True, [("vm_small", "credit", -1600), ("base_monthly", "credit", -677)]),
    ):
        life = live(CATALOG, "base", at(1, 1))
        life.diary.resources.append(("vm.small", alive(at(1, 1))))
        life.begin()
        life.diary.resources.append(("vm.small", alive(at(1, 6), at(1, 11))))
        life.cancel(at(1, 11), now=True, refund=refund)
        assert amounts(life.close()) == expected


def test_a_trial_counts_and_charges_nothing(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "base", at(1, 1), trial_days=14)
    life.diary.resources.append(("vm.small", alive(at(1, 1))))
    assert amounts(life.begin()) == [("base_monthly", "flat", 0), ("vm_small", "counted", 0)]
    life.diary.resources.append(("vm.small", alive(at(1, 5))))
    assert amounts(life.close()) == [("base_monthly", "flat", 1000), ("vm_small", "counted", 6200)]


def test_a_late_deletion_is_adjusted(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "base", at(1, 1))
    life.diary.resources.append(("vm.small", alive(at(1, 1))))
    life.begin()
    life.close()
    life.diary.resources[0] = ("vm.small", alive(at(1, 1), at(1, 30)))
    assert amounts(life.close()) == [
        ("base_monthly", "flat", 1000),
        ("vm_small", "credit", -3100),  # February's advance
        ("vm_small", "adjustment", -200),  # January 30 and 31
    ]
    assert life.late() == []


def test_a_late_creation_in_a_period_without_an_invoice_is_billed(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "free", at(1, 1))
    life.begin()
    assert life.close() is None
    life.diary.resources.append(("vm.small", alive(at(1, 22), at(2, 1))))
    invoice = life.close()
    assert amounts(invoice) == [("vm_small", "adjustment", 1000)]
    assert invoice.lines[0].note.endswith("0.00 USD was billed")
    assert life.late() == []

"""A plan change inside a period: flats by the second, metered prices part by part."""

from datetime import UTC, datetime
from typing import Any

from tallygate.core.period import Period

CATALOG = """
name: test
currency: eur
meters:
  hours: {event: vm.sample, value: hours, aggregation: sum, unit: hour}
  peak: {event: disk.report, value: gb, aggregation: max, unit: GB}
  filled: {event: disk.state, value: gb, aggregation: time_weighted, over: period, unit: GB-month}
plans:
  free: {name: Free, prices: []}
  starter:
    name: Starter
    prices:
      - {key: starter_monthly, flat: "31.00", every: month}
      - {key: starter_annual, flat: "365.00", every: year}
      - {key: support, flat: "10.00", every: month}
      - {key: hours_starter, meter: hours, included: 31, per_unit: "0.10"}
      - {key: peak_starter, meter: peak, per_unit: "1.00"}
  pro:
    name: Pro
    prices:
      - {key: pro_monthly, flat: "62.00", every: month}
      - {key: pro_annual, flat: "730.00", every: year}
      - {key: support, flat: "10.00", every: month}
      - {key: hours_pro, meter: hours, included: 62, per_unit: "0.05", minimum: "3.10"}
      - {key: peak_pro, meter: peak, per_unit: "2.00"}
      - {key: filled_pro, meter: filled, per_unit: "0.31"}
coupons:
  HALF: {percent_off: 50, duration: once}
"""


def at(month: int, day: int, hour: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def test_an_upgrade_is_invoiced_at_once(live: Any, amounts: Any) -> None:
    """After 10 of 31 days: 21 x EUR 1 back, 21 x EUR 2 charged; what both have stays."""
    life = live(CATALOG, "starter", at(1, 1))
    assert life.begin().total == 4100
    invoice = life.change("pro", at(1, 11))
    assert (invoice.reason, invoice.dated) == ("change", at(1, 11))
    assert amounts(invoice) == [
        ("starter_monthly", "credit", -2100),
        ("pro_monthly", "flat", 4200),
    ]
    assert {line.period for line in invoice.lines} == {Period(at(1, 11), at(2, 1))}


def test_metered_prices_split_at_the_instant(live: Any, amounts: Any) -> None:
    """10 days of starter (10 hours included), 21 of pro (42 included, minimum 2.10).

    The peak of each part is its own: 31 GB while on pro are none of starter's.
    """
    life = live(CATALOG, "starter", at(1, 1))
    life.begin()
    life.diary.note("hours", at(1, 5), "15")
    life.change("pro", at(1, 11))
    life.diary.note("hours", at(1, 15), "41")
    life.diary.note("peak", at(1, 5), "15.5")
    life.diary.note("peak", at(1, 20), "31")
    life.diary.note("filled", at(1, 11), "31")
    assert amounts(life.close()) == [
        ("pro_monthly", "flat", 6200),
        ("support", "flat", 1000),
        ("hours_starter", "metered", 50),  # 5 beyond 10
        ("peak_starter", "metered", 500),  # 15.5 GB x 1.00 x 10 / 31
        ("hours_pro", "metered", 210),  # the minimum's share
        ("peak_pro", "metered", 4200),  # 31 GB x 2.00 x 21 / 31
        ("filled_pro", "metered", 651),  # 31 GB x 21 / 31 of the period x 0.31
    ]


def test_a_downgrade_waits_and_nothing_is_prorated(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "pro", at(1, 1))
    life.begin()
    assert life.change("starter", at(1, 11)) is None
    assert amounts(life.close()) == [
        ("starter_monthly", "flat", 3100),
        ("support", "flat", 1000),
        ("hours_pro", "metered", 310),
        ("peak_pro", "metered", 0),
        ("filled_pro", "metered", 0),
    ]


def test_a_downgrade_at_once_is_credited_at_the_boundary(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "pro", at(1, 1))
    life.begin()
    life.change("starter", at(1, 11), when="now")
    lines = amounts(life.close())
    assert lines[-2:] == [("pro_monthly", "credit", -4200), ("starter_monthly", "flat", 2100)]
    assert lines[:2] == [("starter_monthly", "flat", 3100), ("support", "flat", 1000)]
    again = amounts(life.close())
    assert [line for line in again if line[1] == "credit"] == []


def test_a_refund_gives_back_what_runs_after_a_change_that_was_not_billed(
    live: Any, amounts: Any
) -> None:
    """10 days of pro at EUR 2 and 10 of starter at EUR 1 stay, and support for 20 days."""
    life = live(CATALOG, "pro", at(1, 1))
    assert life.begin().total == 7200
    life.change("starter", at(1, 11), when="now")
    life.cancel(at(1, 21), now=True, refund=True)
    assert amounts(life.close())[-4:] == [
        ("pro_monthly", "credit", -4200),
        ("starter_monthly", "flat", 2100),
        ("support", "credit", -355),  # 10.00 x 11 / 31
        ("starter_monthly", "credit", -1100),
    ]
    flats = [
        line.net
        for invoice in life.invoices
        for line in invoice.lines
        if line.price in {"pro_monthly", "starter_monthly"}
    ]
    assert sum(flats) == 2000 + 1000


def test_a_credit_is_net_of_the_coupon_that_the_charge_had(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "starter", at(1, 1), coupons=["HALF"])
    assert life.begin().total == 2050
    assert amounts(life.change("pro", at(1, 11))) == [
        ("starter_monthly", "credit", -1050),
        ("pro_monthly", "flat", 4200),
    ]


def test_an_upgrade_within_a_year_pays_the_rest_of_the_year(live: Any, amounts: Any) -> None:
    """A day of starter costs EUR 1, of pro EUR 2; 265 days are left."""
    life = live(CATALOG, "starter", at(1, 1), interval="year")
    life.begin()
    for _ in range(3):
        life.close()
    assert amounts(life.change("pro", at(4, 11), interval="year")) == [
        ("starter_annual", "credit", -26500),
        ("pro_annual", "flat", 53000),
    ]
    assert life.invoices[-1].lines[1].period == Period(at(4, 11), at(1, 1, year=2027))


def test_changes_to_and_fro_give_back_only_what_runs(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "starter", at(1, 1))
    life.begin()
    life.change("pro", at(1, 11))
    life.change("starter", at(1, 21), when="now")
    assert amounts(life.change("pro", at(1, 26))) == [
        ("pro_monthly", "credit", -2200),  # 11 days of pro back, and charged as starter
        ("starter_monthly", "flat", 1100),
        ("starter_monthly", "credit", -600),  # of which 6 are pro again
        ("pro_monthly", "flat", 1200),
    ]
    assert [kind for _, kind, _ in amounts(life.close())].count("credit") == 0


def test_the_base_is_the_price_of_each_second(live: Any) -> None:
    """Over a month, credits and charges leave what each stretch costs."""
    life = live(CATALOG, "starter", at(1, 1))
    life.begin()
    life.change("pro", at(1, 11))
    life.change("starter", at(1, 21), when="now")
    life.close()
    flats = sum(
        line.net
        for invoice in life.invoices
        for line in invoice.lines
        if line.price in {"starter_monthly", "pro_monthly"} and line.period.end <= at(2, 1)
    )
    assert flats == 10 * 100 + 10 * 200 + 11 * 100


def test_a_free_plan_that_becomes_paid_begins_its_calendar(live: Any, amounts: Any) -> None:
    life = live(CATALOG, "free", at(1, 1))
    assert life.begin() is None
    invoice = life.change("starter", at(1, 20, 7), dormant=True)
    assert amounts(invoice) == [("starter_monthly", "flat", 3100), ("support", "flat", 1000)]
    assert life.close().dated == at(2, 20, 7)


def test_a_scheduled_interval_change_bills_the_year_at_the_boundary(
    live: Any, amounts: Any
) -> None:
    life = live(CATALOG, "starter", at(1, 15))
    life.begin()
    assert life.change("starter", at(1, 20), interval="year") is None
    invoice = life.close()
    assert amounts(invoice)[0] == ("starter_annual", "flat", 36500)
    assert invoice.lines[0].period == Period(at(2, 15), at(2, 15, year=2027))
    assert "starter_annual" not in {line.price for line in life.close().lines}

import doctest
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise, starmap
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallygate.catalog.model import Coupon, Flat, Graduated, Package, PerUnit, Price, Tier
from tallygate.core.errors import Invalid
from tallygate.core.period import Period, to_micros
from tallygate.rating import (
    apply_coupons,
    discounts,
    explain,
    rate_counted,
    rate_flat,
    rate_metered,
    rounding,
    words,
)
from tallygate.rating.line import Step
from tallygate.rating.proration import charge, credit
from tallygate.rating.rounding import round_amount

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
MONTH = Period(START, END)
LAST_TEN_DAYS = Period(END - timedelta(days=10), END)
TEN_DAYS = Fraction(10, 31)


def usd(text: str) -> dict[str, Decimal]:
    return {"usd": Decimal(text)}


STARTER = Price("starter_monthly", Flat(usd("29.00")), every="month")
DEVICES = Price("device_usage", PerUnit(usd("5.00")), meter="devices", included=Decimal(5))
VM = Price("vm_monthly", PerUnit(usd("25.00")), count="resources", every="month")


def lasting(count: int, window: Period) -> tuple[int, int, int]:
    return count, to_micros(window.start), to_micros(window.end)


def test_d7_starter_with_eight_devices_comes_to_44() -> None:
    """D7: $29, 5 devices included, $5 each more."""
    base = rate_flat(STARTER, "usd", MONTH)
    devices = rate_metered(DEVICES, "usd", Decimal(8), MONTH, unit="device")
    assert base.amount + devices.amount == 4400
    assert explain(base) == ("29.00 USD flat",)
    assert explain(devices) == (
        "8 devices measured, 5 included, 3 charged",
        "3 x 5.00 USD = 15.00 USD",
    )


def test_d7_professional_with_25_devices_and_a_million_and_a_half_messages_comes_to_169() -> None:
    """D7: $99; 20 devices and 1M messages included, then $4 each and $0.10 per 1000."""
    base = Price("professional_monthly", Flat(usd("99.00")), every="month")
    devices = Price("d", PerUnit(usd("4.00")), meter="devices", included=Decimal(20))
    messages = Price(
        "m", Package(Decimal(1000), usd("0.10")), meter="messages", included=Decimal(10**6)
    )
    lines = (
        rate_flat(base, "usd", MONTH),
        rate_metered(devices, "usd", Decimal(25), MONTH),
        rate_metered(messages, "usd", Decimal(1_500_000), MONTH),
    )
    assert [line.amount for line in lines] == [9900, 2000, 5000]
    assert sum(line.net for line in lines) == 16900
    assert explain(lines[2]) == (
        "1500000 messages measured, 1000000 included, 500000 charged",
        "500 started packages of 1000 x 0.10 USD = 50.00 USD",
    )


def test_d8_23_devices_in_packages_of_ten_come_to_120() -> None:
    price = Price("p", Package(Decimal(10), usd("40")), meter="devices")
    assert rate_metered(price, "usd", Decimal(23), MONTH).amount == 12000


def graduated(minimum: str | None = None, maximum: str | None = None) -> Price:
    tiers = (("5", "10", "0"), ("20", "8", "0"), (None, "5", "3"))
    curve = Graduated(
        tuple(Tier(None if up is None else Decimal(up), usd(u), usd(f)) for up, u, f in tiers)
    )
    low, high = (None if text is None else usd(text) for text in (minimum, maximum))
    return Price("storage_gb", curve, meter="storage", minimum=low, maximum=high)


def test_every_tier_has_its_sentence() -> None:
    line = rate_metered(graduated(), "usd", Decimal(25), MONTH, unit="GB")
    assert explain(line) == (
        "25 GB measured",
        "up to 5: 5 x 10.00 USD = 50.00 USD",
        "up to 20: 15 x 8.00 USD = 120.00 USD",
        "beyond 20: 3.00 USD flat",
        "beyond 20: 5 x 5.00 USD = 25.00 USD",
        "together 198.00 USD",
    )


def test_a_minimum_holds_at_quantity_zero_and_a_maximum_ends_it() -> None:
    price = graduated("100", "300")
    nothing = rate_metered(price, "usd", Decimal(0), MONTH)
    assert (nothing.amount, nothing.bound, nothing.steps) == (10000, "minimum", ())
    assert explain(nothing)[-1] == "raised to the minimum: 100.00 USD"
    much = rate_metered(price, "usd", Decimal(100), MONTH)
    assert (much.amount, much.bound) == (30000, "maximum")
    assert explain(much)[-1] == "limited to the maximum: 300.00 USD"


def test_a_share_scales_allowance_and_bounds_of_what_adds_up() -> None:
    line = rate_metered(DEVICES, "usd", Decimal(8), LAST_TEN_DAYS, share=TEN_DAYS)
    assert line.amount == 3194, "(8 - 5 x 10/31) x 5.00 is 31.9354..."
    assert line.included == Decimal("1.612903225806")
    assert explain(line) == (
        (
            "8 devices measured, 1.612903225806 included for 10/31 of the period,"
            " 6.387096774194 charged"
        ),
        "6.387096774194 x 5.00 USD = 31.935483870968 USD",
        "rounded to 31.94 USD",
    )
    least = rate_metered(graduated("100"), "usd", Decimal(0), LAST_TEN_DAYS, share=TEN_DAYS)
    assert least.amount == 3226
    assert explain(least)[-1] == "raised to the minimum for 10/31 of the period: 32.26 USD"


def test_a_share_scales_the_amount_of_a_level() -> None:
    line = rate_metered(DEVICES, "usd", Decimal(8), LAST_TEN_DAYS, share=TEN_DAYS, level=True)
    assert line.amount == 484
    assert (line.included, line.quantity) == (Decimal(5), Decimal(3))
    assert explain(line)[-1] == "10/31 of the period: 4.84 USD"


def test_no_part_of_the_period_includes_nothing() -> None:
    nothing = rate_metered(DEVICES, "usd", Decimal(2), MONTH, share=Fraction(0))
    assert nothing.amount == 1000
    assert (nothing.included, nothing.quantity) == (Decimal(0), Decimal(2))


def test_more_included_than_measured_gives_a_line_of_zero() -> None:
    line = rate_metered(DEVICES, "usd", Decimal(-3), MONTH)
    assert line.amount == 0
    assert (line.quantity, line.measured) == (Decimal(0), Decimal(-3))
    assert explain(line)[-1] == "nothing to charge: 0.00 USD"


def test_a_count_is_billed_by_the_second() -> None:
    before = Period(START, LAST_TEN_DAYS.start)
    line = rate_counted(VM, "usd", [lasting(4, LAST_TEN_DAYS), lasting(3, before)], MONTH)
    assert line.amount == 8306
    assert line.steps == (
        Step("unit", Decimal("3.322580645161"), Decimal("25.00"), Decimal("83.064516129032")),
    )
    assert explain(line) == (
        "3.322580645161 counted",
        "3 during 21/31 of the period, 4 during 10/31 of the period",
        "3.322580645161 x 25.00 USD = 83.064516129032 USD",
        "rounded to 83.06 USD",
    )


def test_a_count_that_stays_is_a_whole_number() -> None:
    line = rate_counted(VM, "usd", [lasting(30, MONTH)], MONTH)
    assert (str(line.quantity), line.amount) == ("30", 75000)
    assert explain(line) == ("30 counted", "30 x 25.00 USD = 750.00 USD")
    assert rate_counted(VM, "usd", [], MONTH).amount == 0


def test_many_counts_are_told_briefly() -> None:
    hours = [Period(START + timedelta(hours=h), START + timedelta(hours=h + 1)) for h in range(20)]
    line = rate_counted(VM, "usd", list(starmap(lasting, enumerate(hours))), MONTH)
    assert line.note.endswith("11 during 1/744 of the period, and 8 other counts")


@pytest.mark.parametrize(
    "window", [Period(START - timedelta(1), END), Period(START, END + timedelta(1))]
)
def test_a_count_outside_the_period_stops(window: Period) -> None:
    with pytest.raises(AssertionError, match="inside the period"):
        rate_counted(VM, "usd", [lasting(1, window)], MONTH)


def test_a_currency_without_an_amount_gets_a_sentence() -> None:
    sentence = "has no amount in eur: add one to the catalog"
    with pytest.raises(Invalid, match=f"starter_monthly {sentence}"):
        rate_flat(STARTER, "eur", MONTH)
    with pytest.raises(Invalid, match=f"storage_gb {sentence}"):
        rate_metered(graduated("1"), "eur", Decimal(1), MONTH)
    with pytest.raises(Invalid, match=f"vm_monthly {sentence}"):
        rate_counted(VM, "eur", [lasting(1, MONTH)], MONTH)


def test_an_upgrade_credits_and_charges_by_the_second() -> None:
    pro = Price("pro_monthly", Flat(usd("99.00")), every="month")
    billed = rate_flat(STARTER, "usd", MONTH)
    back = credit(billed, LAST_TEN_DAYS)
    assert (back.amount, back.kind, back.period) == (-935, "credit", LAST_TEN_DAYS)
    assert explain(back) == ("unused: 10/31 of 29.00 USD for starter_monthly is given back",)
    begun = charge(pro, "usd", LAST_TEN_DAYS, MONTH)
    assert begun.amount == 3194
    assert explain(begun) == ("99.00 USD flat", "10/31 of the period: 31.94 USD")


def test_a_credit_is_net_of_the_coupons_that_the_line_had() -> None:
    coupon = Coupon("HALF", "forever", percent_off=Decimal(50))
    (billed,) = apply_coupons([rate_flat(STARTER, "usd", MONTH)], [coupon])
    assert credit(billed, MONTH).amount == -1450
    assert explain(billed)[-1] == "coupon HALF takes off 14.50 USD"
    assert apply_coupons([credit(billed, MONTH)], [coupon])[0].discounts == ()


def test_only_what_was_billed_is_given_back() -> None:
    billed = rate_flat(STARTER, "usd", LAST_TEN_DAYS)
    with pytest.raises(AssertionError, match="only what was billed"):
        credit(billed, MONTH)


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 10**7),
    st.lists(st.integers(0, 31 * 86_400), min_size=1, max_size=20),
    st.sampled_from(["usd", "jpy", "kwd"]),
)
def test_pieces_of_a_flat_come_to_it(amount: int, seconds: list[int], currency: str) -> None:
    """R5: within half a minor unit per piece, and a credit is never more than the charge."""
    price = Price("f", Flat({currency: Decimal(amount).scaleb(-3)}), every="month")
    cuts = sorted({0, 31 * 86_400, *seconds})
    pieces = [
        Period(START + timedelta(seconds=a), START + timedelta(seconds=b))
        for a, b in pairwise(cuts)
    ]
    charged = [charge(price, currency, piece, MONTH) for piece in pieces]
    assert sum(line.share for line in charged) == 1
    whole = rate_flat(price, currency, MONTH)
    assert abs(sum(line.amount for line in charged) - whole.amount) <= (len(charged) + 1) / 2
    for piece in pieces:
        assert -whole.amount <= credit(whole, piece).amount <= 0
    assert credit(whole, MONTH).amount == -whole.amount


@given(st.fractions(min_value=-1000, max_value=1000))
def test_amounts_round_half_away_from_zero(exact: Fraction) -> None:
    rounded = round_amount(exact, "usd")
    assert abs(rounded - exact * 100) <= Fraction(1, 2)
    assert round_amount(-exact, "usd") == -rounded
    if abs(rounded - exact * 100) == Fraction(1, 2):
        assert abs(rounded) > abs(exact * 100)


@pytest.mark.parametrize("module", [rounding, words, discounts])
def test_the_examples_in_the_docstrings_are_true(module: ModuleType) -> None:
    tried = doctest.testmod(module)
    assert tried.attempted
    assert not tried.failed


def test_an_adjustment_shows_its_steps_and_ends_with_what_it_corrects() -> None:
    line = rate_metered(DEVICES, "usd", Decimal(8), MONTH, unit="device")
    late = replace(line, kind="adjustment", amount=500, note="10.00 USD were billed in January")
    assert explain(late) == (
        "8 devices measured, 5 included, 3 charged",
        "3 x 5.00 USD = 15.00 USD",
        "10.00 USD were billed in January",
    )


def test_a_part_of_a_unit_keeps_all_its_digits() -> None:
    """15 digits before the point and 12 after it, on both sides of a multiplication."""
    most = Decimal("999999999999999.999999999999")
    line = rate_metered(Price("x", PerUnit({"usd": most}), meter="m"), "usd", most, MONTH)
    assert line.amount == round(Fraction(most) ** 2 * 100)
    assert Fraction(line.steps[0].amount) == Fraction(most) ** 2
    assert explain(line)[-1].startswith("rounded to 999999999999999999999999998000.00 USD")


def test_a_note_in_the_place_of_steps_is_how_the_line_came_about() -> None:
    line = rate_flat(STARTER, "usd", MONTH)
    assert explain(replace(line, amount=0, steps=(), note="trial")) == ("trial",)
    counted = rate_counted(VM, "usd", [lasting(2, MONTH)], MONTH)
    late = replace(counted, amount=2500, steps=(), note="50.00 USD owed, 25.00 USD billed")
    assert explain(late) == ("2 counted", "50.00 USD owed, 25.00 USD billed")

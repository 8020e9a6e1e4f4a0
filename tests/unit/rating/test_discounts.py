from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.rating import oracle

from tallygate.catalog.model import Coupon
from tallygate.core.period import Period
from tallygate.rating import apply_coupons, holds
from tallygate.rating.discounts import allot, taken_off
from tallygate.rating.line import Discount, Line, LineKind

MONTH = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
THIRTY = Coupon("THIRTY", "forever", percent_off=Decimal(30))
TENNER = Coupon("TENNER", "forever", amount_off={"usd": Decimal("10.00"), "jpy": Decimal(1000)})


def line(
    amount: int, price: str = "p", *, kind: LineKind = "metered", currency: str = "usd"
) -> Line:
    return Line(price, kind, currency, amount, Decimal(1), Decimal(1), MONTH)


def nets(lines: tuple[Line, ...]) -> list[int]:
    return [priced.net for priced in lines]


def test_a_percentage_is_rounded_once_over_the_lines_and_allotted() -> None:
    """Thirds of a cent: three lines of 0.05 give 0.045, so 0.05 and not three times 0.02."""
    lines = apply_coupons([line(5), line(5), line(5)], [THIRTY])
    assert [priced.discount for priced in lines] == [2, 2, 1]


def test_coupons_work_on_what_the_ones_before_them_left() -> None:
    lines = [line(2900), line(1500)]
    assert sum(nets(apply_coupons(lines, [THIRTY, TENNER]))) == 3080 - 1000
    assert sum(nets(apply_coupons(lines, [TENNER, THIRTY]))) == 2380


def test_a_coupon_touches_only_the_prices_that_it_names() -> None:
    only = Coupon("ONLY", "once", percent_off=Decimal(50), applies_to=frozenset({"b"}))
    assert nets(apply_coupons([line(100, "a"), line(100, "b")], [only])) == [100, 50]


def test_nothing_falls_below_zero_and_a_zero_line_carries_no_discount() -> None:
    lines = apply_coupons([line(300), line(0), line(200)], [TENNER, TENNER, THIRTY])
    assert nets(lines) == [0, 0, 0]
    assert lines[1].discounts == ()
    assert taken_off(lines) == {"TENNER": 500}


@pytest.mark.parametrize("kind", ["credit", "adjustment"])
def test_credits_and_adjustments_are_net_already(kind: LineKind) -> None:
    lines = apply_coupons([line(1000), line(-500, kind=kind), line(700, kind=kind)], [THIRTY])
    assert nets(lines) == [700, -500, 700]


def test_an_amount_off_is_in_its_currency_or_takes_nothing() -> None:
    assert nets(apply_coupons([line(3000, currency="jpy")], [TENNER])) == [2000]
    assert nets(apply_coupons([line(3000, currency="eur")], [TENNER])) == [3000]


def test_a_line_keeps_the_discounts_that_it_has() -> None:
    once = apply_coupons([line(1000)], [THIRTY])
    assert apply_coupons(once, [THIRTY])[0].discounts == (
        Discount("THIRTY", 300),
        Discount("THIRTY", 210),
    )


def test_an_invoice_without_lines_stays_empty() -> None:
    assert apply_coupons([], [THIRTY, TENNER]) == ()


def test_lines_of_two_currencies_are_no_invoice() -> None:
    with pytest.raises(AssertionError, match="one currency"):
        apply_coupons([line(1), line(1, currency="eur")], [THIRTY])


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), max_size=12))
def test_an_allotment_sums_and_is_nowhere_a_unit_off(total: int, weights: list[int]) -> None:
    whole = sum(weights)
    total = min(total, whole)
    parts = allot(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert 0 <= part <= weight
        assert abs(part * whole - total * weight) < max(whole, 1)


COUPONS = st.fixed_dictionaries(
    {
        "percent": st.none() | st.decimals("0.01", 100, places=2).map(str),
        "amount": st.integers(1, 5000),
        "only": st.none() | st.sampled_from(["a", "b"]),
    }
)


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3000), st.sampled_from(["a", "b", "c"])), max_size=8),
    st.lists(COUPONS, max_size=4),
    st.randoms(use_true_random=False),
)
def test_coupons_agree_with_the_oracle(
    priced: list[tuple[int, str]], told: list[dict[str, Any]], chance: Any
) -> None:
    coupons = [build(number, coupon) for number, coupon in enumerate(told)]
    lines = [line(amount, price) for amount, price in priced]
    left, taken = oracle.coupons([a for a, _ in priced], told, [price for _, price in priced])
    discounted = apply_coupons(lines, coupons)
    assert nets(discounted) == left
    off = taken_off(discounted)
    assert [off.get(coupon.key, 0) for coupon in coupons] == taken
    chance.shuffle(lines)
    if len(coupons) == 1:
        assert sum(nets(apply_coupons(lines, coupons))) == sum(left), "the order of lines matters"


def build(number: int, told: dict[str, Any]) -> Coupon:
    only = None if told["only"] is None else frozenset({told["only"]})
    if told["percent"] is not None:
        percent = Decimal(told["percent"])
        return Coupon(f"C{number}", "forever", percent_off=percent, applies_to=only)
    off = {"usd": Decimal(told["amount"]).scaleb(-2)}
    return Coupon(f"C{number}", "forever", amount_off=off, applies_to=only)


@pytest.mark.parametrize(
    ("dated", "three_months"),
    [
        ("2026-01-30T23:59:59+00:00", False),
        ("2026-01-31T00:00:00+00:00", True),
        ("2026-04-29T23:59:59+00:00", True),
        ("2026-04-30T00:00:00+00:00", False),
        ("2027-01-01T00:00:00+00:00", False),
    ],
)
def test_months_run_from_the_redemption(dated: str, three_months: bool) -> None:
    redeemed_at, at = datetime(2026, 1, 31, tzinfo=UTC), datetime.fromisoformat(dated)
    months = Coupon("M", 3, percent_off=Decimal(10))
    assert holds(months, redeemed_at=redeemed_at, dated=at, spent=False) is three_months
    assert holds(THIRTY, redeemed_at=redeemed_at, dated=at, spent=False) is (at >= redeemed_at)


def test_once_holds_until_it_is_spent() -> None:
    once, at = Coupon("O", "once", percent_off=Decimal(10)), datetime(2026, 1, 1, tzinfo=UTC)
    later = datetime(2026, 9, 1, tzinfo=UTC)
    assert holds(once, redeemed_at=at, dated=later, spent=False)
    assert not holds(once, redeemed_at=at, dated=later, spent=True)

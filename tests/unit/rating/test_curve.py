"""Law 5: rating prices a slice of a curve, so the slices come to the whole."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.rating.price_books import build_curve, interesting_quantities, random_price, seeded

from tallygate.catalog.model import Graduated, Package, Tier, Volume
from tallygate.core.quantity import EXACT
from tallygate.rating.curve import Cost, cost, in_parts
from tallygate.rating.line import Step


def tier(up_to: str | None, unit: str, flat: str = "0") -> Tier:
    end = None if up_to is None else Decimal(up_to)
    return Tier(end, {"usd": Decimal(unit)}, {"usd": Decimal(flat)})


DEVICES = Graduated((tier("5", "10"), tier("20", "8"), tier(None, "5")))


def graduated(quantity: str) -> Decimal:
    return cost(DEVICES, "usd", Decimal(0), Decimal(quantity))[0]


@pytest.mark.parametrize(
    ("devices", "amount"),
    [("0", "0"), ("4", "40"), ("5", "50"), ("6", "58"), ("20", "170"), ("21", "175")],
)
def test_d8_graduated_devices(devices: str, amount: str) -> None:
    """D8: 0-5 at $10, 6-20 at $8, 21 and more at $5."""
    assert graduated(devices) == Decimal(amount)


@pytest.mark.parametrize(
    ("devices", "amount"),
    [("0", "0"), ("1", "40"), ("10", "40"), ("11", "80"), ("20", "80"), ("23", "120")],
)
def test_d8_packages_of_ten(devices: str, amount: str) -> None:
    """D8: 10 devices for $40; 23 devices come to $120."""
    package = Package(Decimal(10), {"usd": Decimal(40)})
    assert cost(package, "usd", Decimal(0), Decimal(devices))[0] == Decimal(amount)


def test_a_tier_is_entered_above_its_lower_end_and_its_fee_is_charged_once() -> None:
    curve = Graduated((tier("5", "1", "3"), tier(None, "2", "7")))

    def upto(quantity: str, start: str = "0") -> Decimal:
        return cost(curve, "usd", Decimal(start), Decimal(quantity))[0]

    assert [upto(quantity) for quantity in ("0", "1", "5", "6")] == [0, 4, 8, 17]
    assert upto("6", start="5") == 9
    assert upto("9", start="6") == 6


def test_the_tier_that_holds_the_whole_prices_all_of_it() -> None:
    curve = Volume((tier("10", "5", "1"), tier(None, "4", "2")))
    assert cost(curve, "usd", Decimal(0), Decimal(10)) == (
        Decimal(51),
        (
            Step("fee", Decimal(1), Decimal(1), Decimal(1), Decimal(10)),
            Step("unit", Decimal(10), Decimal(5), Decimal(50), Decimal(10)),
        ),
    )
    assert cost(curve, "usd", Decimal(0), Decimal(11))[0] == 46
    assert cost(curve, "usd", Decimal(10), Decimal(11))[0] == -5, "all units became cheaper"


def test_a_slice_shows_only_what_it_adds() -> None:
    assert cost(DEVICES, "usd", Decimal(3), Decimal(7))[1] == (
        Step("unit", Decimal(2), Decimal(10), Decimal(20), Decimal(5)),
        Step("unit", Decimal(2), Decimal(8), Decimal(16), Decimal(20)),
    )
    assert cost(DEVICES, "usd", Decimal(5), Decimal(5)) == (Decimal(0), ())


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 30))
def test_slices_come_to_the_whole_exactly(seed: int, pieces: int) -> None:
    chance = seeded(seed)
    told = random_price(chance)
    curve = build_curve(told, "kwd")
    ends = sorted({Decimal(0), *interesting_quantities(told, chance)})
    chosen = sorted(chance.sample(ends, min(pieces, len(ends))))
    cuts = [Decimal(0), *chosen]
    slices = [cost(curve, "kwd", a, b) for a, b in pairwise(cuts)]
    whole = cost(curve, "kwd", Decimal(0), cuts[-1])
    assert sum(Fraction(amount) for amount, _ in slices) == Fraction(whole[0])
    for piece in (whole, *slices):
        assert steps_come_to(piece)


def steps_come_to(priced: Cost) -> bool:
    amount, steps = priced
    return sum(Fraction(step.amount) for step in steps) == Fraction(amount) and all(
        Fraction(step.quantity) * Fraction(step.rate) == Fraction(step.amount) for step in steps
    )


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 10**6))
def test_a_curve_in_parts_costs_as_many_parts(seed: int, parts: int) -> None:
    chance = seeded(seed)
    told = random_price(chance)
    curve = build_curve(told, "usd")
    quantity = chance.choice(interesting_quantities(told, chance))
    stretched = cost(in_parts(curve, parts), "usd", Decimal(0), EXACT.multiply(quantity, parts))
    whole = cost(curve, "usd", Decimal(0), quantity)
    assert Fraction(stretched[0]) == Fraction(whole[0]) * parts


def test_a_curve_whose_last_tier_ends_stops_instead_of_giving_units_away() -> None:
    with pytest.raises(AssertionError, match="no end"):
        cost(Graduated((tier("5", "1"),)), "usd", Decimal(0), Decimal(6))


def test_a_slice_does_not_run_downward() -> None:
    with pytest.raises(AssertionError, match="upward"):
        cost(DEVICES, "usd", Decimal(2), Decimal(1))

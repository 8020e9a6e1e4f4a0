"""Prices, against amounts stated by hand."""

from decimal import Decimal
from typing import Any

import pytest

from tallygate_sandbox.money.prices import charges_for


def price(**fields: Any) -> dict[str, Any]:
    plain = {
        "billing_scheme": "per_unit",
        "currency": "usd",
        "tiers_mode": None,
        "transform_quantity": None,
        "unit_amount": None,
        "unit_amount_decimal": None,
        "_tiers": None,
    }
    return plain | fields


def tiered(mode: str, *tiers: dict[str, Any]) -> dict[str, Any]:
    return price(billing_scheme="tiered", tiers_mode=mode, _tiers=list(tiers))


def tier(up_to: int | None, unit: str | None = None, flat: str | None = None) -> dict[str, Any]:
    return {
        "up_to": up_to,
        "unit_amount": None,
        "unit_amount_decimal": unit,
        "flat_amount": None,
        "flat_amount_decimal": flat,
    }


def amounts(shape: dict[str, Any], quantity: int | Decimal) -> list[int]:
    return [charge.amount for charge in charges_for(shape, quantity, "usd")]


DEVICES = tiered("graduated", tier(5, "1000"), tier(20, "800"), tier(None, "500"))
VOLUME = tiered("volume", tier(5, "1000"), tier(20, "800"), tier(None, "500", "100"))


@pytest.mark.parametrize(
    ("unit", "quantity", "amount"),
    [
        ("2500", 3, 7500),
        ("0.5", 1, 1),
        ("0.5", 3, 2),
        ("2.3", Decimal("1.5"), 3),
        ("0.000000000001", 499_999_999_999, 0),
        ("0.000000000001", 500_000_000_000, 1),
        ("1000", -3, 0),
    ],
)
def test_a_unit_costs_its_rate_and_the_line_is_rounded_once(
    unit: str, quantity: int | Decimal, amount: int
) -> None:
    assert amounts(price(unit_amount_decimal=unit), quantity) == [amount]


@pytest.mark.parametrize(("way", "packages"), [("up", 3), ("down", 2)])
def test_a_package_counts_as_a_whole_or_not_at_all(way: str, packages: int) -> None:
    shape = price(unit_amount=4000, transform_quantity={"divide_by": 10, "round": way})
    assert amounts(shape, 23) == [4000 * packages]
    assert amounts(shape, 20) == [8000]
    assert amounts(shape, 0) == [0]


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        (0, [0]),
        (5, [5000]),
        (6, [5000, 800]),
        (20, [5000, 12_000]),
        (21, [5000, 12_000, 500]),
    ],
)
def test_graduated_tiers_cost_what_falls_in_each(quantity: int, expected: list[int]) -> None:
    assert amounts(DEVICES, quantity) == expected


def test_a_tier_shows_its_quantity_and_rate() -> None:
    second = charges_for(DEVICES, 7, "usd")[1]
    assert (second.amount, second.quantity) == (1600, Decimal(2))
    assert second.unit_amount == Decimal(800)
    assert second.description_suffix == "Tier 2"


def test_an_allowance_is_a_first_tier_at_zero() -> None:
    shape = tiered("graduated", tier(1_000_000, "0"), tier(None, "0.01"))
    assert amounts(shape, 1_500_000) == [0, 5000]


def test_a_flat_amount_of_a_graduated_tier_is_its_own_line_once_the_tier_is_reached() -> None:
    shape = tiered("graduated", tier(10, None, "900"), tier(None, "50", "300"))
    assert amounts(shape, 0) == [0, 900]
    assert amounts(shape, 10) == [0, 900]
    assert amounts(shape, 12) == [0, 900, 100, 300]


@pytest.mark.parametrize(
    ("quantity", "amount"), [(0, 0), (5, 5000), (6, 4800), (20, 16_000), (21, 10_600)]
)
def test_volume_tiers_cost_all_at_the_tier_that_is_reached(quantity: int, amount: int) -> None:
    assert amounts(VOLUME, quantity) == [amount]

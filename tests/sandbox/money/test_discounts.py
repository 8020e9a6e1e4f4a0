"""Discounts and their parts."""

from decimal import Decimal

import pytest

from tallygate_sandbox.money.discounts import amount_of, percent_of


@pytest.mark.parametrize(
    ("lines", "percent", "parts"),
    [
        ([2500], "10", [250]),
        ([5, 5, 5], "10", [1, 1, 0]),
        ([333, 333, 334], "50", [167, 166, 167]),
        ([1000, -400], "25", [250, -100]),
        ([1], "50", [1]),
        ([1], "49.9", [0]),
        ([999], "33.33", [333]),
        ([], "10", []),
    ],
)
def test_a_percentage_is_rounded_once_and_its_parts_sum(
    lines: list[int], percent: str, parts: list[int]
) -> None:
    assert percent_of(lines, Decimal(percent)) == parts


@pytest.mark.parametrize(
    ("lines", "amount", "parts"),
    [
        ([1000, 2000], 600, [200, 400]),
        ([100, 100, 100], 100, [34, 33, 33]),
        ([100], 500, [100]),
        ([100, -50], 500, [100, 0]),
        ([0], 500, [0]),
    ],
)
def test_an_amount_takes_off_at_most_all_and_its_parts_sum(
    lines: list[int], amount: int, parts: list[int]
) -> None:
    assert amount_of(lines, amount) == parts

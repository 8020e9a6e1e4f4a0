import time
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.core.errors import Invalid
from tallygate.core.quantity import bounded, parse_decimal, plain, round_to, round_whole

HOSTILE = [
    *("", " ", "1 ", "+1", "1.", ".5", "1e3", "1E+1000000", "NaN", "nan", "Infinity", "-inf"),
    *("0x10", "1_000", "١٢", "１２", "1,5", "1" * 16, "0." + "1" * 13, "9" * 400, "--1", "1\n"),
    *("\x00", "true"),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_only_plain_ascii_decimals_are_numbers(text: str) -> None:
    with pytest.raises(Invalid, match="plain decimal"):
        parse_decimal(text)


@given(st.decimals("-999999999999999", "999999999999999", places=12))
def test_a_plain_decimal_reads_back_exactly(number: Decimal) -> None:
    assert parse_decimal(plain(number)) == number
    assert bounded(number)


@pytest.mark.parametrize(
    "text",
    ["NaN", "sNaN", "Infinity", "1E+1000000", "1E-1000000", "1E+15", "1E-13", "1" * 400, "0E+400"],
)
def test_a_number_out_of_bounds_is_seen_at_once(text: str) -> None:
    began = time.process_time()
    assert not bounded(Decimal(text))
    assert time.process_time() - began < 1, "29.7 s were measured for a naive int() of 1E+1000000"


@pytest.mark.parametrize(
    "text", ["0", "-0.000", "1E+3", "999999999999999.999999999999", "2.50000000000000"]
)
def test_a_number_within_bounds_passes_however_it_is_written(text: str) -> None:
    assert bounded(Decimal(text))


@pytest.mark.parametrize(
    ("value", "up", "down", "half_up"),
    [
        ("2.5", 3, 2, 3),
        ("-2.5", -3, -2, -3),
        ("2.4", 3, 2, 2),
        ("0", 0, 0, 0),
        ("-0.1", -1, 0, 0),
    ],
)
def test_up_and_half_up_go_away_from_zero(value: str, up: int, down: int, half_up: int) -> None:
    ratio = Fraction(value)
    assert round_whole(ratio, "up") == up
    assert round_whole(ratio, "down") == down
    assert round_whole(ratio, "half_up") == half_up


def test_a_third_rounds_to_the_step_without_passing_through_a_decimal() -> None:
    assert round_to(Fraction(1, 3), Decimal("0.000001"), "half_up") == Decimal("0.333333")
    assert round_to(Decimal(1234), Decimal(100), "up") == 1300

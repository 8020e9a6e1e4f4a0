"""What is a number of things, and when is text one?

Quantities and rates are `Decimal`. Arithmetic on them happens in the EXACT context, which raises
instead of rounding, so that an inexact step cannot pass unseen. Where a ratio is needed (an
average, hours out of microseconds, a share of a period) it is carried as a `Fraction` until the
one place that rounds it.
"""

import decimal
import re
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from tallygate.core.errors import Invalid

RoundingMode = Literal["up", "down", "half_up"]

MAX_INTEGER_DIGITS = 15
MAX_FRACTION_DIGITS = 12
DIGITS = f"at most {MAX_INTEGER_DIGITS} digits before the point and {MAX_FRACTION_DIGITS} after it"

EXACT = decimal.Context(
    prec=150,
    Emax=999_999,
    Emin=-999_999,
    traps=[
        decimal.Inexact,
        decimal.InvalidOperation,
        decimal.DivisionByZero,
        decimal.Overflow,
        decimal.Underflow,
    ],
)

_PLAIN = re.compile(rf"-?[0-9]{{1,{MAX_INTEGER_DIGITS}}}(\.[0-9]{{1,{MAX_FRACTION_DIGITS}}})?")


def parse_decimal(text: str) -> Decimal:
    """Read a plain ASCII decimal such as `-12.50`.

    Raises:
        Invalid: the text has an exponent, another alphabet's digits, or too many digits.
    """
    if len(text) > 40 or not _PLAIN.fullmatch(text):
        shown = text if len(text) <= 40 else f"{text[:40]}..."
        raise Invalid(f"{shown!r} is not a plain decimal number with {DIGITS}.")
    return Decimal(text)


def bounded(number: Decimal) -> bool:
    """Whether a decoded number is finite and within the digits that a quantity may have.

    Looks at the exponent before any conversion: `int(Decimal("1E+1000000"))` takes half a minute.
    """
    if not number.is_finite():
        return False
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    if not any(digits):
        return abs(exponent) <= MAX_INTEGER_DIGITS
    if number.adjusted() >= MAX_INTEGER_DIGITS or len(digits) > 60:
        return False
    if exponent >= -MAX_FRACTION_DIGITS:
        return True
    surplus = -exponent - MAX_FRACTION_DIGITS
    return surplus < len(digits) and not any(digits[-surplus:])


def plain(number: Decimal) -> str:
    """A decimal as text without exponent and without trailing zeros.

    >>> plain(Decimal("1E+3")), plain(Decimal("2.50")), plain(Decimal("-0"))
    ('1000', '2.5', '0')
    """
    if not number:
        return "0"
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def round_to(value: Fraction | Decimal, step: Decimal, mode: RoundingMode) -> Decimal:
    """The multiple of `step` that `value` rounds to; `up` and `half_up` go away from zero.

    >>> round_to(Decimal("2.5"), Decimal("1"), "up")
    Decimal('3')
    >>> round_to(Fraction(1, 3), Decimal("0.01"), "half_up")
    Decimal('0.33')
    """
    ratio = Fraction(value) / Fraction(step)
    whole = round_whole(ratio, mode)
    return EXACT.multiply(Decimal(whole), step)


def round_whole(ratio: Fraction, mode: RoundingMode) -> int:
    """The integer that `ratio` rounds to; `up` and `half_up` go away from zero."""
    magnitude, sign = abs(ratio), -1 if ratio < 0 else 1
    match mode:
        case "down":
            whole = magnitude.numerator // magnitude.denominator
        case "up":
            whole = -(-magnitude.numerator // magnitude.denominator)
        case "half_up":
            whole = (2 * magnitude.numerator + magnitude.denominator) // (
                2 * magnitude.denominator
            )
    return sign * whole

"""Where does an exact amount become whole minor units?

Here, and nowhere else: half away from zero, once per line and once per coupon.
"""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from tallygate.core.money import minor_digits
from tallygate.core.quantity import EXACT, round_whole


def round_amount(exact: Fraction | Decimal, currency: str) -> int:
    """An amount in the main unit as whole minor units.

    >>> round_amount(Decimal("0.125"), "usd"), round_amount(Decimal("-0.125"), "usd")
    (13, -13)
    >>> round_amount(Fraction(1, 3), "kwd"), round_amount(Decimal("0.5"), "jpy")
    (333, 1)
    """
    digits = minor_digits(currency)
    if isinstance(exact, Decimal):
        # decimal's "half up" goes away from zero on both sides.
        return int(EXACT.scaleb(exact, digits).to_integral_value(ROUND_HALF_UP))
    return round_minor(exact * 10**digits)


def round_minor(exact: Fraction) -> int:
    """Minor units as whole minor units.

    >>> round_minor(Fraction(5, 2)), round_minor(Fraction(-5, 2))
    (3, -3)
    """
    return round_whole(exact, "half_up")

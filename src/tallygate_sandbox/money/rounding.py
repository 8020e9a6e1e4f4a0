"""To whole minor units, half away from zero: once for each line."""

from decimal import ROUND_HALF_UP, Decimal, localcontext

PRECISION = 60  # a quantity of 18 digits at 12 decimals stays exact


def to_minor(amount: Decimal) -> int:
    """Round an exact amount in minor units: 0.5 becomes 1, -0.5 becomes -1."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def ratio(amount: int | Decimal, part: int, whole: int) -> int:
    """Round amount x part / whole, computed exactly."""
    with localcontext() as exact:
        exact.prec = PRECISION
        return to_minor(Decimal(amount) * part / whole)

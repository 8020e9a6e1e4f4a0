"""What a discount takes off, and how it is split among the lines: the parts sum to the whole.

Source: https://docs.stripe.com/billing/subscriptions/coupons. A percentage is taken of the sum of
what it applies to and rounded once; the cents go where the exact shares were cut most.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import floor


def percent_of(remaining: Sequence[int], percent: Decimal) -> list[int]:
    """What a percentage takes off each line, of what earlier discounts left."""
    return allotted([Fraction(percent) * amount / 100 for amount in remaining])


def amount_of(remaining: Sequence[int], amount: int) -> list[int]:
    """What a fixed amount takes off each line: at most all, and nothing off a credit."""
    owed = [max(left, 0) for left in remaining]
    whole = sum(owed)
    amount = min(amount, whole)
    return allotted([Fraction(amount * left, whole or 1) for left in owed])


def allotted(shares: Sequence[Fraction]) -> list[int]:
    """Whole amounts near the exact shares that sum to the rounded sum (half away from zero)."""
    whole = sum(shares, Fraction(0))
    total = floor(abs(whole) + Fraction(1, 2)) * (1 if whole >= 0 else -1)
    parts = [floor(share) for share in shares]
    cut = sorted(range(len(shares)), key=lambda i: parts[i] - shares[i])
    for i in cut[: total - sum(parts)]:
        parts[i] += 1
    return parts

"""What do coupons take off an invoice?

Coupons come after minimum and maximum, one after the other, each on what the ones before it left.
A percentage is rounded once, over all the lines that it may touch, and then allotted to them by
the largest remainder, so that the parts are its sum. Credits and adjustments are net already and
no coupon touches them. Nothing falls below 0.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction

from tallygate.catalog.model import Coupon
from tallygate.core.period import add_months
from tallygate.rating.line import Discount, Line
from tallygate.rating.rounding import round_amount, round_minor

DISCOUNTABLE = frozenset(("flat", "counted", "metered"))


def apply_coupons(lines: Sequence[Line], coupons: Iterable[Coupon]) -> tuple[Line, ...]:
    """The lines, with what each coupon takes off them, in the coupons' order.

    The lines are of one currency. An `amount_off` in another currency takes nothing off. A line
    that already carries discounts keeps them, and the coupons work on what is left of it.
    """
    discounted = list(lines)
    assert len({line.currency for line in discounted}) <= 1, "an invoice has one currency"
    for coupon in coupons:
        eligible = [i for i, line in enumerate(discounted) if _may_touch(coupon, line)]
        nets = [discounted[i].net for i in eligible]
        taken = _total_off(coupon, discounted[eligible[0]].currency, sum(nets)) if eligible else 0
        for i, amount in zip(eligible, allot(taken, nets), strict=True):
            if amount:
                line = discounted[i]
                discounts = (*line.discounts, Discount(coupon.key, amount))
                discounted[i] = replace(line, discounts=discounts)
    return tuple(discounted)


def holds(coupon: Coupon, *, redeemed_at: datetime, dated: datetime, spent: bool) -> bool:
    """Whether a redeemed coupon counts on an invoice of this date.

    A number of months runs from the redemption, with it and without its end. A `once` coupon
    counts until an invoice that had something to discount has spent it; whoever asks about that
    very invoice again says `spent=False`.
    """
    if dated < redeemed_at:
        return False
    match coupon.duration:
        case "forever":
            return True
        case "once":
            return not spent
        case int(months):
            return dated < add_months(redeemed_at, months)


def taken_off(lines: Iterable[Line]) -> dict[str, int]:
    """What each coupon takes off all the lines together, in minor units.

    A coupon that found nothing to discount is not there: a `once` coupon is not spent by it.
    """
    taken: dict[str, int] = {}
    for line in lines:
        for coupon, amount in line.discounts:
            taken[coupon] = taken.get(coupon, 0) + amount
    return taken


def allot(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Share out `total` in proportion to the weights, by the largest remainder.

    The parts sum to `total`; none exceeds its weight while `total` is at most their sum. Equal
    remainders are served in the order of the weights.

    >>> allot(100, [1, 1, 1])
    (34, 33, 33)
    """
    whole = sum(weights)
    if not total or not whole:
        return (0,) * len(weights)
    parts = [total * weight // whole for weight in weights]
    remainders = [total * weight % whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=remainders.__getitem__, reverse=True)
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return tuple(parts)


def _may_touch(coupon: Coupon, line: Line) -> bool:
    named = coupon.applies_to is None or line.price in coupon.applies_to
    return named and line.kind in DISCOUNTABLE and line.net > 0


def _total_off(coupon: Coupon, currency: str, base: int) -> int:
    """What a coupon takes off lines that come to `base`, in minor units."""
    if coupon.percent_off is not None:
        return min(base, round_minor(base * Fraction(coupon.percent_off) / 100))
    if coupon.amount_off is None or currency not in coupon.amount_off:
        return 0
    return min(base, round_amount(coupon.amount_off[currency], currency))

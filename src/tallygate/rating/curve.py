"""What does it cost to go from one quantity to another?

A curve gives every quantity a cost, and a slice costs the difference of its ends: a month billed
in one slice or in thirty comes to the same. At quantity 0 every curve costs 0. A flat, a package
and a tier are charged on entering them, which is at the first bit of quantity above their lower
end; a tier's upper end still belongs to it.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import assert_never

from tallygate.catalog.model import (
    Amounts,
    Curve,
    Flat,
    Graduated,
    Package,
    PerUnit,
    Tier,
    Volume,
)
from tallygate.core.quantity import EXACT
from tallygate.rating.line import ZERO, Step

ONE = Decimal(1)

Cost = tuple[Decimal, tuple[Step, ...]]
"""An exact amount in the main unit, and the steps that it is the sum of."""

_add = EXACT.add
_subtract = EXACT.subtract
_multiply = EXACT.multiply


def cost(curve: Curve, currency: str, start: Decimal, end: Decimal) -> Cost:
    """The cost of the quantity from `start` to `end`, exactly, in the main unit.

    Raises:
        KeyError: the curve has no amount in this currency.
    """
    assert ZERO <= start <= end, "a slice runs upward from 0"
    match curve:
        case Graduated(tiers):
            return _graduated(tiers, currency, start, end)
        case PerUnit(unit):
            return _per_unit(unit[currency], start, end)
        case Package(size, price):
            return _package(size, price[currency], start, end)
        case Volume(tiers):
            return _volume(tiers, currency, start, end)
        case Flat(amount):
            return _fee(amount[currency], start, end)
        case _:
            assert_never(curve)


def in_parts(curve: Curve, parts: int) -> Curve:
    """The same curve with every unit, and every amount, counted as so many parts.

    A third of an allowance of 5 is no decimal. Counted in thirds it is one: on the curve in
    parts, `parts` times a quantity costs `parts` times as much, exactly.
    """
    factor = Decimal(parts)

    def times(amounts: Amounts) -> Amounts:
        return {currency: _multiply(amount, factor) for currency, amount in amounts.items()}

    def stretched(tiers: Sequence[Tier]) -> tuple[Tier, ...]:
        return tuple(
            Tier(
                up_to=None if tier.up_to is None else _multiply(tier.up_to, factor),
                unit=tier.unit,
                flat=times(tier.flat),
            )
            for tier in tiers
        )

    match curve:
        case PerUnit():
            return curve
        case Package(size, price):
            return Package(_multiply(size, factor), times(price))
        case Graduated(tiers):
            return Graduated(stretched(tiers))
        case Volume(tiers):
            return Volume(stretched(tiers))
        case Flat(amount):
            return Flat(times(amount))
        case _:
            assert_never(curve)


def _per_unit(rate: Decimal, start: Decimal, end: Decimal) -> Cost:
    quantity = _subtract(end, start)
    if not quantity:
        return ZERO, ()
    amount = _multiply(quantity, rate)
    return amount, (Step("unit", quantity, rate, amount),)


def _package(size: Decimal, price: Decimal, start: Decimal, end: Decimal) -> Cost:
    blocks = _started(end, size) - _started(start, size)
    if not blocks:
        return ZERO, ()
    amount = _multiply(Decimal(blocks), price)
    return amount, (Step("block", Decimal(blocks), price, amount, None, size),)


def _started(quantity: Decimal, size: Decimal) -> int:
    """How many packages the quantity has begun."""
    whole = int(EXACT.divide_int(quantity, size))
    return whole + 1 if EXACT.remainder(quantity, size) else whole


def _fee(amount: Decimal, start: Decimal, end: Decimal) -> Cost:
    if start or not end:
        return ZERO, ()
    return amount, (Step("fee", ONE, amount, amount),)


def _graduated(tiers: Sequence[Tier], currency: str, start: Decimal, end: Decimal) -> Cost:
    total = lower = ZERO
    steps: list[Step] = []
    for tier in tiers:
        if end <= lower:
            break
        upper = tier.up_to
        if start <= lower and (fee := tier.flat[currency]):
            steps.append(Step("fee", ONE, fee, fee, upper))
            total = _add(total, fee)
        if upper is None or start < upper:
            top = end if upper is None or end < upper else upper
            quantity = _subtract(top, max(start, lower))
            rate = tier.unit[currency]
            amount = _multiply(quantity, rate)
            steps.append(Step("unit", quantity, rate, amount, upper))
            total = _add(total, amount)
        if upper is None:
            break
        lower = upper
    else:
        assert end <= lower, "a curve's last tier has no end"
    return total, tuple(steps)


def _volume(tiers: Sequence[Tier], currency: str, start: Decimal, end: Decimal) -> Cost:
    """All of `end` at its tier, less what all of `start` costs at its own.

    The difference can be below 0: entering a cheaper tier makes the earlier units cheaper too.
    """
    total, steps = _whole_volume(tiers, currency, end)
    if not start:
        return total, steps
    before, taken_back = _whole_volume(tiers, currency, start)
    negated = tuple(
        step._replace(quantity=step.quantity.copy_negate(), amount=step.amount.copy_negate())
        for step in taken_back
    )
    return _subtract(total, before), steps + negated


def _whole_volume(tiers: Sequence[Tier], currency: str, quantity: Decimal) -> Cost:
    if not quantity:
        return ZERO, ()
    tier = next(tier for tier in tiers if tier.up_to is None or quantity <= tier.up_to)
    rate, fee = tier.unit[currency], tier.flat[currency]
    amount = _multiply(quantity, rate)
    step = Step("unit", quantity, rate, amount, tier.up_to)
    if not fee:
        return amount, (step,)
    return _add(amount, fee), (Step("fee", ONE, fee, fee, tier.up_to), step)

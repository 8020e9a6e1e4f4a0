"""What does it cost to go from one quantity to another?

A curve gives every quantity a cost, and a slice costs the difference of its ends: a month billed
in one slice or in thirty comes to the same. At quantity 0 every curve costs 0. A flat, a package
and a tier are charged on entering them, which is at the first bit of quantity above their lower
end; a tier's upper end still belongs to it.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple, assert_never

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

LADDERS_KEPT = 4096
_ladders: dict[tuple[int, str], tuple[tuple[Tier, ...], tuple["_Rung", ...]]] = {}
"""Ladders by the identity of their tiers. The tiers are kept with them, so that no other object
gets the same identity; nothing can be told from outside but the speed."""

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
        case Graduated():
            return _graduated(curve.tiers, currency, start, end)
        case PerUnit():
            return _per_unit(curve.unit[currency], start, end)
        case Package():
            return _package(curve.size, curve.price[currency], start, end)
        case Volume():
            return _volume(curve.tiers, currency, start, end)
        case Flat():
            return _fee(curve.amount[currency], start, end)
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


class _Rung(NamedTuple):
    """A tier of a graduated curve, and what it costs to arrive in it, its own fee included."""

    lower: Decimal
    upper: Decimal | None
    rate: Decimal
    cost: Decimal
    steps: tuple[Step, ...]


def _graduated(tiers: tuple[Tier, ...], currency: str, start: Decimal, end: Decimal) -> Cost:
    """The climb to `end`, less what of it the climb to `start` has in common with it."""
    total, steps = _climb(tiers, currency, end)
    if not start:
        return total, steps
    before, done = _climb(tiers, currency, start)
    last = done[-1]
    _, quantity, rate, amount, upper, _ = steps[len(done) - 1]
    rest = _subtract(quantity, last.quantity)
    shared = (Step("unit", rest, rate, _subtract(amount, last.amount), upper),) if rest else ()
    return _subtract(total, before), shared + steps[len(done) :]


def _climb(tiers: tuple[Tier, ...], currency: str, end: Decimal) -> Cost:
    if not end:
        return ZERO, ()
    for lower, upper, rate, before, steps in _ladder(tiers, currency):
        if upper is None or end <= upper:
            quantity = _subtract(end, lower)
            amount = _multiply(quantity, rate)
            return _add(before, amount), (*steps, Step("unit", quantity, rate, amount, upper))
    raise AssertionError("a curve's last tier has no end")


def _ladder(tiers: tuple[Tier, ...], currency: str) -> tuple[_Rung, ...]:
    """The rungs of a curve, made once: all but the last step of a climb is the same every time."""
    known = _ladders.get((id(tiers), currency))
    if known is not None:
        return known[1]
    rungs: list[_Rung] = []
    lower = total = ZERO
    steps: tuple[Step, ...] = ()
    for tier in tiers:
        rate, fee = tier.unit[currency], tier.flat[currency]
        if fee:
            total = _add(total, fee)
            steps = (*steps, Step("fee", ONE, fee, fee, tier.up_to))
        rungs.append(_Rung(lower, tier.up_to, rate, total, steps))
        if tier.up_to is not None:
            quantity = _subtract(tier.up_to, lower)
            amount = _multiply(quantity, rate)
            total = _add(total, amount)
            steps = (*steps, Step("unit", quantity, rate, amount, tier.up_to))
            lower = tier.up_to
    if len(_ladders) >= LADDERS_KEPT:
        _ladders.clear()
    _ladders[id(tiers), currency] = (tiers, tuple(rungs))
    return tuple(rungs)


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

"""What would somebody with exact fractions and no knowledge of Tallygate say?

A price is told in plain values: {"kind": "graduated", "tiers": [(up_to, unit, fee), ...]} and so
on, numbers as text. Every cost is reckoned from 0 and from the definition: no ladder, no parts, no
slices. It imports nothing of the package, on purpose.
"""

import math
from fractions import Fraction
from typing import Any

Told = dict[str, Any]


def curve_cost(told: Told, quantity: Fraction) -> Fraction:
    """What a quantity costs, from 0."""
    if quantity <= 0:
        return Fraction(0)
    kind = told["kind"]
    if kind == "flat":
        return Fraction(told["amount"])
    if kind == "per_unit":
        return quantity * Fraction(told["unit"])
    if kind == "package":
        return math.ceil(quantity / Fraction(told["size"])) * Fraction(told["price"])
    if kind == "graduated":
        return graduated(told["tiers"], quantity)
    return volume(told["tiers"], quantity)


def graduated(tiers: list[tuple[str | None, str, str]], quantity: Fraction) -> Fraction:
    bounds = [Fraction(0)] + [Fraction(up_to) for up_to, _, _ in tiers if up_to is not None]
    cost = Fraction(0)
    for lower, (up_to, unit, fee) in zip(bounds, tiers, strict=True):
        within = quantity - lower if up_to is None else min(quantity, Fraction(up_to)) - lower
        if within > 0:
            cost += within * Fraction(unit) + Fraction(fee)
    return cost


def volume(tiers: list[tuple[str | None, str, str]], quantity: Fraction) -> Fraction:
    holding = [tier for tier in tiers if tier[0] is None or Fraction(tier[0]) >= quantity]
    _, unit, fee = holding[0]
    return quantity * Fraction(unit) + Fraction(fee)


def metered(
    told: Told, quantity: Fraction, share: Fraction = Fraction(1), *, level: bool = False
) -> Fraction:
    """A metered price with its allowance and bounds, exact and in the main unit."""
    scale = Fraction(1) if level else share
    rest = max(Fraction(0), quantity - Fraction(told["included"]) * scale)
    owed = curve_cost(told, rest)
    if told.get("minimum") is not None:
        owed = max(owed, Fraction(told["minimum"]) * scale)
    if told.get("maximum") is not None:
        owed = min(owed, Fraction(told["maximum"]) * scale)
    return owed * share if level else owed


def counted(told: Told, seconds: list[tuple[int, int]], length: int) -> Fraction:
    """A counted price: the curve of each count, for the seconds that it lasted."""
    owed = Fraction(0)
    for count, lasted in seconds:
        rest = max(Fraction(0), count - Fraction(told["included"]))
        owed += curve_cost(told, rest) * lasted / length
    return owed


def minor(owed: Fraction, digits: int) -> int:
    """Whole minor units, half away from zero."""
    scaled = owed * Fraction(10) ** digits
    away: int = math.floor(abs(scaled) + Fraction(1, 2))
    return -away if scaled < 0 else away


def coupons(nets: list[int], told: list[Told], names: list[str]) -> tuple[list[int], list[int]]:
    """What is left of each line, and what each coupon took off all of them."""
    left, taken = list(nets), []
    for coupon in told:
        may = [i for i, name in enumerate(names) if coupon["only"] in {None, name} and left[i] > 0]
        base = sum(left[i] for i in may)
        if coupon["percent"] is not None:
            off = minor(Fraction(base) * Fraction(coupon["percent"]) / 100, 0)
        else:
            off = coupon["amount"]
        off = min(off, base)
        taken.append(off)
        exact = {i: Fraction(off * left[i], base) for i in may}
        parts = {i: math.floor(exact[i]) for i in may}
        while sum(parts.values()) < off:
            behind = max(may, key=lambda i: (exact[i] - parts[i], -i))
            parts[behind] += 1
        for i in may:
            left[i] -= parts[i]
    return left, taken

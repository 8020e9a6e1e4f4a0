"""Which prices can a provider charge exactly as we do, and what do they look like there?

A provider counts integers: base units of the meter, or the quantity of a counted price. It prices
each tier by itself and rounds it by itself. Whatever could come to another amount than ours is
rated here, with a sentence that says why.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import assert_never

from tallygate.catalog.model import (
    Amounts,
    Curve,
    Flat,
    Graduated,
    Meter,
    Package,
    PerUnit,
    Price,
    Tier,
    Volume,
)
from tallygate.collection.held import ONE, Asked, HeldPrice, HeldTier, Mode
from tallygate.core.money import minor_digits
from tallygate.core.quantity import EXACT, plain

MAX_DIGITS = 15
MAX_DECIMALS = 12


def as_held(price: Price, product: str, meter: Meter | None, event: str | None) -> HeldPrice:
    """The price as a provider holds it, where `why_rated_here` has nothing against it.

    `event` is the event name of its meter at the provider; None for a flat or a counted price.
    """
    base_unit = ONE if meter is None else meter.base_unit
    curve = price.curve
    return HeldPrice(
        key=price.key,
        product=product,
        every=price.every or "month",
        amounts=_asked(curve, base_unit),
        meter=event,
        base_unit=base_unit,
        block=_whole(curve.size, base_unit) if isinstance(curve, Package) else None,
        mode=_mode(curve),
    )


def why_rated_here(price: Price, meter: Meter | None, allowances: Sequence[Decimal]) -> str | None:
    """Why a provider cannot charge this price as we do; None: it can.

    `allowances` are those that the price has in any plan. None of them is held, but what is
    reported is the usage beyond them, in whole base units.
    """
    base_unit = ONE if meter is None else meter.base_unit
    return next(_reasons(price, base_unit, allowances), None)


def _reasons(price: Price, base_unit: Decimal, allowances: Sequence[Decimal]) -> Iterator[str]:
    """The first reason, if any: a later one may make no sense where an earlier one holds."""
    if price.minimum is not None or price.maximum is not None:
        yield "it has a minimum or a maximum"
    if isinstance(price.curve, Graduated | Volume) and any(price.curve.tiers[0].flat.values()):
        yield "its first tier has a fee, which a provider may charge without usage"
    for what, bound in _bounds(price.curve, allowances):
        if not _is_whole(bound, base_unit):
            unit = "whole number" if base_unit == ONE else f"multiple of {plain(base_unit)}"
            yield f"its {what} of {plain(bound)} is no {unit}"
        elif len(str(_whole(bound, base_unit))) > MAX_DIGITS:
            yield f"its {what} of {plain(bound)} has more than {MAX_DIGITS} digits in base units"
    for currency, one in _asked(price.curve, base_unit).items():
        rates = [one.unit] if one.unit is not None else [tier.unit for tier in one.tiers]
        for rate in rates:
            if _decimals(rate) > MAX_DECIMALS or _digits(rate) > MAX_DIGITS:
                yield f"{plain(rate)} minor units of {currency.upper()} have too many digits"
        if isinstance(price.curve, Graduated) and sum(map(_is_below_minor, rates)) > 1:
            yield "two or more tiers have rates below the minor unit, each rounded by itself"


def _bounds(curve: Curve, allowances: Sequence[Decimal]) -> Iterator[tuple[str, Decimal]]:
    yield from (("allowance", included) for included in allowances if included)
    match curve:
        case Package(size):
            yield "package", size
        case Graduated(tiers) | Volume(tiers):
            yield from (("tier", tier.up_to) for tier in tiers if tier.up_to is not None)


def _asked(curve: Curve, base_unit: Decimal) -> dict[str, Asked]:
    """What the curve asks for a base unit, or for a block, in each currency."""
    match curve:
        case Flat(amounts) | Package(_, amounts):
            return _in_minor_units(amounts, ONE)
        case PerUnit(amounts):
            return _in_minor_units(amounts, base_unit)
        case Graduated(tiers) | Volume(tiers):
            return {
                currency: Asked(None, tuple(_tier(tier, currency, base_unit) for tier in tiers))
                for currency in tiers[0].unit
            }
        case _:
            assert_never(curve)


def _in_minor_units(amounts: Amounts, base_unit: Decimal) -> dict[str, Asked]:
    return {
        currency: Asked(_minor(amount, currency, base_unit))
        for currency, amount in amounts.items()
    }


def _tier(tier: Tier, currency: str, base_unit: Decimal) -> HeldTier:
    return HeldTier(
        up_to=None if tier.up_to is None else _whole(tier.up_to, base_unit),
        unit=_minor(tier.unit[currency], currency, base_unit),
        flat=_minor(tier.flat[currency], currency, ONE),
    )


def _mode(curve: Curve) -> Mode | None:
    match curve:
        case Graduated():
            return "graduated"
        case Volume():
            return "volume"
        case _:
            return None


def _minor(amount: Decimal, currency: str, base_unit: Decimal) -> Decimal:
    return EXACT.multiply(amount, base_unit).scaleb(minor_digits(currency), EXACT)


def _is_whole(bound: Decimal, base_unit: Decimal) -> bool:
    return not EXACT.remainder(bound, base_unit)


def _whole(bound: Decimal, base_unit: Decimal) -> int:
    """So many base units, where `_is_whole` says that they are."""
    return int(EXACT.divide_int(bound, base_unit))


def _is_below_minor(rate: Decimal) -> bool:
    return _decimals(rate) > 0


def _decimals(number: Decimal) -> int:
    return len(plain(number).partition(".")[2])


def _digits(number: Decimal) -> int:
    return len(plain(number).replace(".", "").strip("0"))

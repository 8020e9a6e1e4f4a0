"""What a quantity costs at a price: per unit, in packages, in tiers of both modes.

Source: https://docs.stripe.com/products-prices/pricing-models. A price is Stripe's hash; its tiers
stand in `_tiers`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any

from tallygate_sandbox.money.rounding import PRECISION, to_minor

Hash = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Charge:
    """One line's worth: `unit_amount` in minor units, None where no single one holds.

    `description_suffix` says which part of tiered prices it is: "Tier 1", "Tier 1 flat fee".
    `exact` is the amount before rounding.
    """

    amount: int
    quantity: Decimal
    unit_amount: Decimal | None
    description_suffix: str = ""
    exact: Decimal = field(default=Decimal(0), compare=False)


def charges_for(price: Hash, quantity: Decimal | int, currency: str) -> list[Charge]:
    """What a quantity costs, one charge for each line that an invoice shows.

    Graduated tiers give one for each tier that is crossed and one for each flat amount; other
    prices give one. A quantity below zero costs nothing. `currency` must be the price's.
    """
    assert price["currency"] == currency, "ask for the price in its currency first"
    quantity = max(Decimal(quantity), Decimal(0))
    with localcontext() as exact:
        exact.prec = PRECISION
        if price["billing_scheme"] != "tiered":
            return [_flat(price, quantity)]
        if price["tiers_mode"] == "volume":
            return [_volume(price["_tiers"], quantity)]
        return _graduated(price["_tiers"], quantity)


def exact_amount(price: Hash, quantity: Decimal | int, currency: str) -> Decimal:
    """What a quantity costs before rounding (minor units): what a part of a period is part of."""
    with localcontext() as exact:
        exact.prec = PRECISION
        return sum((one.exact for one in charges_for(price, quantity, currency)), Decimal(0))


def unit_amount_of(hash_: Hash, name: str = "unit_amount") -> Decimal:
    """A rate in minor units, from `unit_amount_decimal` or `unit_amount`; zero when neither is."""
    exact = hash_.get(f"{name}_decimal")
    return Decimal(hash_.get(name) or 0) if exact is None else Decimal(str(exact))


def _charge(exact: Decimal, quantity: Decimal, unit: Decimal | None, suffix: str = "") -> Charge:
    return Charge(to_minor(exact), quantity, unit, suffix, exact)


def _flat(price: Hash, quantity: Decimal) -> Charge:
    unit = unit_amount_of(price)
    units, package = quantity, price["transform_quantity"]
    if package:
        whole, rest = divmod(quantity, package["divide_by"])
        units = whole + 1 if rest and package["round"] == "up" else whole
    return _charge(unit * units, quantity, unit)


def _volume(tiers: Sequence[Hash], quantity: Decimal) -> Charge:
    tier = next(t for t in tiers if t["up_to"] is None or quantity <= t["up_to"])
    unit, flat = unit_amount_of(tier), unit_amount_of(tier, "flat_amount")
    return _charge(unit * quantity + flat, quantity, None if flat else unit)


def _graduated(tiers: Sequence[Hash], quantity: Decimal) -> list[Charge]:
    """The first tier counts even when nothing was used: its flat amount is a base fee."""
    charges, below = [], Decimal(0)
    for number, tier in enumerate(tiers, 1):
        if below and quantity <= below:
            break
        end = quantity if tier["up_to"] is None else min(quantity, Decimal(tier["up_to"]))
        units, unit = end - below, unit_amount_of(tier)
        charges.append(_charge(unit * units, units, unit, f"Tier {number}"))
        if flat := unit_amount_of(tier, "flat_amount"):
            name = f"Tier {number} flat fee"
            charges.append(_charge(flat, Decimal(1), flat, name))
        if tier["up_to"] is not None:
            below = Decimal(tier["up_to"])
    return charges

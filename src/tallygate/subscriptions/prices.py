"""What does a plan's base cost, and in which currencies is a price given?

Only to compare and to refuse: amounts on lines come from rating.
"""

from collections.abc import Iterator
from decimal import Decimal

from tallygate.catalog.model import (
    Amounts,
    Flat,
    Graduated,
    Interval,
    Package,
    PerUnit,
    Plan,
    Price,
    Volume,
)


def price_amounts(price: Price) -> Iterator[Amounts]:
    """Every map of amounts that a price has."""
    match price.curve:
        case Flat(amount):
            yield amount
        case PerUnit(unit):
            yield unit
        case Package(_, block):
            yield block
        case Graduated(tiers) | Volume(tiers):
            for tier in tiers:
                yield tier.unit
                if tier.flat:
                    yield tier.flat
    for bound in (price.minimum, price.maximum):
        if bound is not None:
            yield bound


def base_cost(plan: Plan, interval: Interval, currency: str) -> Decimal:
    """What the flats of a plan come to for one interval, in the main unit."""
    flats = (price.curve for price in plan.prices_for(interval))
    return sum(
        (flat.amount.get(currency, Decimal(0)) for flat in flats if isinstance(flat, Flat)),
        Decimal(0),
    )

"""What a quantity costs at a price: per unit, in packages, in tiers of both modes.

Source: https://docs.stripe.com/products-prices/pricing-models. A price is Stripe's hash; its tiers
stand in `_tiers`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Price = Mapping[str, Any]
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Charge:
    """One line's worth: `unit_amount` in minor units, None where no single one holds.

    `description_suffix` says which tier it is, such as "(Tier 1 at $0.10)"; empty outside tiers.
    """

    amount: int
    quantity: Decimal
    unit_amount: Decimal | None
    description_suffix: str = ""


def charges_for(price: Price, quantity: Decimal | int, currency: str) -> list[Charge]:
    """What a quantity costs, one charge for each line that an invoice shows.

    Graduated tiers give one for each tier that is crossed and one for each flat amount; other
    prices give one. A quantity below zero costs nothing.
    """
    raise NotImplementedError


def unit_amount_of(hash_: Mapping[str, Any], name: str = "unit_amount") -> Decimal:
    """A rate in minor units, from `unit_amount_decimal` or `unit_amount`; zero when neither is."""
    exact = hash_.get(f"{name}_decimal")
    if exact is not None:
        return Decimal(str(exact))
    return Decimal(hash_.get(name) or 0)

"""What can a payment provider hold of a price list?

Products, meters that keep the last total, prices by lookup key, coupons with the code that a
customer types. The same values say what should be held and what is: comparing them is `==`.
Amounts are decimals in the currency's minor unit, for one base unit, or for one block of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from tallygate.catalog.model import ZERO, Interval

ONE = Decimal(1)

Mode = Literal["graduated", "volume"]


@dataclass(frozen=True, slots=True)
class HeldTier:
    """A step of a curve, up to and with `up_to` base units (None: without end)."""

    up_to: int | None
    unit: Decimal
    flat: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Asked:
    """What a price asks in one currency: a rate, or tiers of rates."""

    unit: Decimal | None
    tiers: tuple[HeldTier, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldPrice:
    """A lookup key with its amounts, the first currency being the main one.

    A price with a `meter` (by its event name) is charged for the last total that was reported in
    integer `base_unit`s, any other for its quantity. `block`: so many base units are charged as
    one, each started one.
    """

    key: str
    product: str
    every: Interval
    amounts: Mapping[str, Asked]
    meter: str | None = None
    base_unit: Decimal = ONE
    block: int | None = None
    mode: Mode | None = None


@dataclass(frozen=True, slots=True)
class HeldProduct:
    """What prices belong to. A name that is `made_up` is given once and then left alone."""

    id: str
    name: str
    made_up: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class HeldMeter:
    """Keeps the last total that was reported for a customer; known by its event name."""

    event: str
    title: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class HeldCoupon:
    """A discount, on some products or (None) on all; `code` is what a customer types."""

    id: str
    duration: Literal["once", "forever"] | int
    percent_off: Decimal | None = None
    amount_off: Mapping[str, int] | None = None
    products: frozenset[str] | None = None
    redeem_by: datetime | None = None
    max_redemptions: int | None = None
    code: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class PriceList:
    """All that a provider should hold, and a sentence for each thing that it should not."""

    products: tuple[HeldProduct, ...]
    meters: tuple[HeldMeter, ...]
    prices: tuple[HeldPrice, ...]
    coupons: tuple[HeldCoupon, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundProduct:
    """A product at the provider. `ours`: Tallygate made it."""

    product: HeldProduct
    active: bool = True
    ours: bool = True


@dataclass(frozen=True, slots=True)
class FoundMeter:
    """A meter at the provider. `fits`: it keeps the last total of a period, and nothing else."""

    id: str
    event: str
    active: bool = True
    fits: bool = True


@dataclass(frozen=True, slots=True)
class FoundPrice:
    """A price at the provider; `terms` are None where no price of ours could look like this.

    `key` is the lookup key that it answers to now, `made_for` the one that we made it for.
    """

    id: str
    key: str | None
    terms: HeldPrice | None
    active: bool = True
    made_for: str | None = None


@dataclass(frozen=True, slots=True)
class FoundCode:
    """A promotion code at the provider."""

    id: str
    code: str
    coupon: str
    active: bool = True
    ours: bool = True


@dataclass(frozen=True, slots=True)
class FoundCoupon:
    """A coupon at the provider, with its codes."""

    coupon: HeldCoupon
    codes: tuple[FoundCode, ...] = ()
    valid: bool = True


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a provider holds of all that a price list names, and what we once made there.

    `codes` are the active promotion codes, of any coupon, that are spelled like one of the list.
    """

    products: tuple[FoundProduct, ...] = ()
    meters: tuple[FoundMeter, ...] = ()
    prices: tuple[FoundPrice, ...] = ()
    coupons: tuple[FoundCoupon, ...] = ()
    codes: tuple[FoundCode, ...] = ()

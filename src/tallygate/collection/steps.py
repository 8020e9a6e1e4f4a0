"""What can be changed at a provider?

Each step is a value that says all it needs, and a sentence for the operator. A price is never
changed: another one takes its lookup key, and who has the old one keeps it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tallygate.collection.held import (
    ONE,
    FoundCode,
    FoundMeter,
    FoundPrice,
    HeldCoupon,
    HeldMeter,
    HeldPrice,
    HeldProduct,
)
from tallygate.core.money import minor_digits
from tallygate.core.quantity import plain


@dataclass(frozen=True, slots=True)
class CreateProduct:
    """Make a product under the id that the catalog names."""

    product: HeldProduct

    def __str__(self) -> str:
        return f"Create the product {self.product.id}, named {self.product.name!r}."


@dataclass(frozen=True, slots=True)
class RenameProduct:
    """Give a product the name that the catalog has for it."""

    product: HeldProduct
    before: str

    def __str__(self) -> str:
        return f"Rename the product {self.product.id}: {self.before!r} -> {self.product.name!r}."


@dataclass(frozen=True, slots=True)
class SellProduct:
    """Take an archived product back into sale."""

    id: str

    def __str__(self) -> str:
        return f"Take the product {self.id} out of the archive."


@dataclass(frozen=True, slots=True)
class ArchiveProduct:
    """Take a product of ours out of sale."""

    id: str

    def __str__(self) -> str:
        return f"Archive the product {self.id}: the catalog needs it no longer."


@dataclass(frozen=True, slots=True)
class CreateMeter:
    """Make a meter that keeps the last total."""

    meter: HeldMeter

    def __str__(self) -> str:
        return f"Create the meter {self.meter.event}: {self.meter.title}."


@dataclass(frozen=True, slots=True)
class ReactivateMeter:
    """Let a meter count again."""

    meter: FoundMeter

    def __str__(self) -> str:
        return f"Let the meter {self.meter.event} count again."


@dataclass(frozen=True, slots=True)
class CreatePrice:
    """Make a price; `replaces` is the one whose lookup key it takes."""

    price: HeldPrice
    replaces: FoundPrice | None = None

    def __str__(self) -> str:
        asked = amount_text(self.price)
        if self.replaces is None:
            return f"Create the price {self.price.key}: {asked}."
        before = self.replaces.terms
        was = "another kind of price" if before is None else amount_text(before)
        if was == asked:
            was = f"{was}, otherwise made"
        return f"Replace the price {self.price.key}: {was} -> {asked}. The key moves."


@dataclass(frozen=True, slots=True)
class SellPrice:
    """Take an archived price back into sale."""

    price: FoundPrice

    def __str__(self) -> str:
        return f"Take the price {self.price.key} out of the archive ({self.price.id})."


@dataclass(frozen=True, slots=True)
class ArchivePrice:
    """Take a price of ours out of sale; `replaced` says that another one has its key."""

    price: FoundPrice
    replaced: bool = False

    def __str__(self) -> str:
        key = self.price.key or self.price.made_for
        if self.replaced:
            return f"Archive the former price {key} ({self.price.id})."
        return f"Archive the price {key} ({self.price.id}): the catalog needs it no longer."


@dataclass(frozen=True, slots=True)
class CreateCoupon:
    """Make a coupon."""

    coupon: HeldCoupon

    def __str__(self) -> str:
        return f"Create the coupon {self.coupon.id}: {coupon_text(self.coupon)}."


@dataclass(frozen=True, slots=True)
class CreateCode:
    """Make the promotion code that customers type for a coupon."""

    code: str
    coupon: str

    def __str__(self) -> str:
        return f"Create the promotion code {self.code}."


@dataclass(frozen=True, slots=True)
class SwitchCode:
    """Let a promotion code be typed again, or no longer."""

    code: FoundCode
    on: bool

    def __str__(self) -> str:
        if self.on:
            return f"Switch the promotion code {self.code.code} on again."
        return f"Switch the promotion code {self.code.code} off: the catalog has it no longer."


Creation = CreateProduct | CreateMeter | CreatePrice | CreateCoupon | CreateCode
Change = (
    RenameProduct
    | SellProduct
    | ArchiveProduct
    | ReactivateMeter
    | SellPrice
    | ArchivePrice
    | SwitchCode
)
Step = Creation | Change


def amount_text(price: HeldPrice) -> str:
    """What a price asks, for a person: `29.00 EUR a month`, `0.05 EUR a unit`."""
    said = " or ".join(_asked_text(price, currency) for currency in price.amounts)
    if price.meter is None:
        return f"{said} a {price.every}"
    return said if price.base_unit == ONE else f"{said}, counted in {plain(price.base_unit)}"


def coupon_text(coupon: HeldCoupon) -> str:
    """What a coupon takes off, for a person: `30 % off, forever`."""
    if coupon.percent_off is not None:
        off = f"{plain(coupon.percent_off)} %"
    else:
        found: Mapping[str, int] = coupon.amount_off or {}
        off = " or ".join(_money(Decimal(amount), code) for code, amount in found.items())
    lasts = coupon.duration
    return f"{off} off, {lasts if isinstance(lasts, str) else f'for {lasts} months'}"


def _asked_text(price: HeldPrice, currency: str) -> str:
    asked = price.amounts[currency]
    if asked.unit is None:
        steps = [_tier_text(price, currency, index) for index in range(len(asked.tiers))]
        return f"{price.mode} {' / '.join(steps)}"
    if price.block is not None:
        size = plain(price.base_unit * price.block)
        return f"{_money(asked.unit, currency)} for each {size} started"
    if price.meter is None:
        return _money(asked.unit, currency)
    return f"{_money(asked.unit / price.base_unit, currency)} a unit"


def _tier_text(price: HeldPrice, currency: str, index: int) -> str:
    tier = price.amounts[currency].tiers[index]
    end = "beyond" if tier.up_to is None else f"to {plain(tier.up_to * price.base_unit)}"
    fee = f" + {_money(tier.flat, currency)}" if tier.flat else ""
    return f"{end} {_money(tier.unit / price.base_unit, currency)}{fee}"


def _money(minor: Decimal, currency: str) -> str:
    """Minor units as text in the main unit, with all the decimals they have.

    >>> _money(Decimal("2900"), "usd"), _money(Decimal("0.5"), "usd")
    ('29.00 USD', '0.005 USD')
    """
    digits = minor_digits(currency)
    text = plain(minor.scaleb(-digits))
    whole, _, fraction = text.partition(".")
    shown = f"{whole}.{fraction.ljust(digits, '0')}" if digits else text
    return f"{shown} {currency.upper()}"

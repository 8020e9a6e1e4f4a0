"""What can be changed at a provider?

Each step is a value that says all it needs, and a sentence for the operator. A price is never
changed: another one takes its lookup key, and who has the old one keeps it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal

from tallygate.collection.held import (
    ONE,
    FoundCode,
    FoundLink,
    FoundMeter,
    FoundPortal,
    FoundPrice,
    HeldCoupon,
    HeldLink,
    HeldMeter,
    HeldPortal,
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


@dataclass(frozen=True, slots=True)
class CreateLink:
    """Make the payment link of a plan by an interval, at an address of its own."""

    link: HeldLink

    def __str__(self) -> str:
        sold = " and ".join(sorted(self.link.prices))
        return f"Create the payment link of {link_text(self.link)}, which sells {sold}."


@dataclass(frozen=True, slots=True)
class ChangeLink:
    """Give a payment link all that can be changed of it, and let it sell; the address stays."""

    link: HeldLink
    found: FoundLink

    def __str__(self) -> str:
        what = f"the payment link of {link_text(self.link)}"
        if self.found.terms == self.link:
            return f"Let {what} sell again."
        again = "" if self.found.active else ", and let it sell again"
        return f"Change {what}: {_told_apart(self.link, self.found.terms)}{again}."


@dataclass(frozen=True, slots=True)
class CloseLink:
    """Let a payment link of ours sell no more; `replaced` says that another one does."""

    found: FoundLink
    replaced: bool = False

    def __str__(self) -> str:
        if self.replaced:
            return f"Close the former payment link {self.found.made_for} ({self.found.url})."
        return (
            f"Close the payment link {self.found.made_for} ({self.found.url}): the catalog needs "
            "it no longer."
        )


@dataclass(frozen=True, slots=True)
class CreatePortal:
    """Make the portal where customers look after their billing."""

    portal: HeldPortal

    def __str__(self) -> str:
        return (
            "Create the portal: card, invoices, billing details, and canceling at the end of "
            "the period."
        )


@dataclass(frozen=True, slots=True)
class ChangePortal:
    """Make the portal what it should be."""

    portal: HeldPortal
    found: FoundPortal

    def __str__(self) -> str:
        if self.found.portal == self.portal:
            return "Open the portal again."
        return f"Change the portal: {_told_apart(self.portal, self.found.portal)}."


Creation = (
    CreateProduct
    | CreateMeter
    | CreatePrice
    | CreateCoupon
    | CreateCode
    | CreateLink
    | CreatePortal
)
Change = (
    RenameProduct
    | SellProduct
    | ArchiveProduct
    | ReactivateMeter
    | SellPrice
    | ArchivePrice
    | SwitchCode
    | ChangeLink
    | CloseLink
    | ChangePortal
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


def link_text(link: HeldLink) -> str:
    """What a link sells, for a person: `starter by the month`."""
    return f"{link.plan} by the {link.interval}"


def _told_apart(wanted: HeldLink | HeldPortal, there: HeldLink | HeldPortal | None) -> str:
    """The names of what differs, in words."""
    names = [part.name for part in fields(wanted)]
    differing = [name for name in names if getattr(wanted, name) != getattr(there, name, None)]
    return ", ".join(name.replace("_", " ") for name in differing)


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

"""What can a payment provider hold of a price list?

Products, meters that keep the last total, prices by lookup key, coupons with the code that a
customer types, links at which anyone can buy, and the portal where customers look after their
billing. The same values say what should be held and what is: comparing them is `==`.
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
class Pages:
    """What the settings say of a provider's pages: where they lead back to, and of taxes."""

    success_url: str | None = None
    portal_return_url: str | None = None
    automatic_tax: bool = False


@dataclass(frozen=True, slots=True)
class HeldLink:
    """An address at which anyone can buy a plan by an interval: its flat prices, each once.

    `prices` are lookup keys. What the plan meters or counts cannot be bought there and joins
    after the payment. `takes_codes`: a promotion code can be typed. `success_url` is where the
    buyer arrives after paying; None: the provider's own page thanks. `automatic_tax`: the
    provider computes taxes.
    """

    plan: str
    interval: Interval
    prices: frozenset[str]
    trial_days: int = 0
    takes_codes: bool = False
    success_url: str | None = None
    automatic_tax: bool = False

    @property
    def name(self) -> str:
        """What a link is recognized by: `starter:month`."""
        return f"{self.plan}:{self.interval}"


@dataclass(frozen=True, slots=True)
class HeldPortal:
    """The provider's own page where customers look after their billing: words, and rights.

    They may change their card, read their invoices, change their `details`, and end a
    subscription when its period is over. They change plans through us, where it is rated.
    """

    headline: str | None = None
    privacy_policy_url: str | None = None
    terms_of_service_url: str | None = None
    return_url: str | None = None
    card: bool = True
    invoices: bool = True
    details: frozenset[str] = frozenset(("address", "email", "tax_id"))
    cancellation: Literal["none", "at_period_end", "other"] = "at_period_end"
    plan_changes: bool = False
    pauses: bool = False


@dataclass(frozen=True, slots=True)
class PriceList:
    """All that a provider should hold, and a sentence for each thing that it should not.

    Without a `portal` none is needed, and one that is there is left alone.
    """

    products: tuple[HeldProduct, ...]
    meters: tuple[HeldMeter, ...]
    prices: tuple[HeldPrice, ...]
    coupons: tuple[HeldCoupon, ...]
    notes: tuple[str, ...] = ()
    links: tuple[HeldLink, ...] = ()
    portal: HeldPortal | None = None


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
class FoundLink:
    """A link of ours; `terms` are None where no link of ours could look like this."""

    id: str
    url: str
    made_for: str
    terms: HeldLink | None
    active: bool = True


@dataclass(frozen=True, slots=True)
class FoundPortal:
    """A portal of ours."""

    id: str
    portal: HeldPortal
    active: bool = True


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a provider holds of all that a price list names, and what we once made there.

    `codes` are the active promotion codes, of any coupon, that are spelled like one of the list.
    `links` and `portals` are those that we made, the oldest first.
    """

    products: tuple[FoundProduct, ...] = ()
    meters: tuple[FoundMeter, ...] = ()
    prices: tuple[FoundPrice, ...] = ()
    coupons: tuple[FoundCoupon, ...] = ()
    codes: tuple[FoundCode, ...] = ()
    links: tuple[FoundLink, ...] = ()
    portals: tuple[FoundPortal, ...] = ()

"""What does a catalog say, once it has been read?

Frozen values, in the terms of the YAML file: meters, curves, prices, plans, limits, resource
types, coupons, and the portal's words. Amounts and rates are decimals in the main unit, one per
currency. Whatever is wrong with a file was found by `catalog.reading` before any of these exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from tallygate.catalog.expression import Expression
from tallygate.core.quantity import RoundingMode

Aggregation = Literal["count", "sum", "max", "min", "last", "average", "unique", "time_weighted"]
Interval = Literal["month", "year"]
Counted = Literal["resources", "members"]

Amounts = Mapping[str, Decimal]
"""A rate or an amount in the main unit, by currency: {"usd": Decimal("29.00")}."""

ZERO = Decimal(0)
UNLIMITED = Decimal(-1)


@dataclass(frozen=True, slots=True)
class Meter:
    """How events become a quantity.

    `event` is a CloudEvents type; the type `resource` means the life of resources (created,
    resized, started, stopped, deleted), where `value` sees the type's spec overlaid by the
    events' data, and `running`. `per` names the fields of data that tell series apart, beside
    the subject; empty: the subject alone. `where` asks fields to equal a text or a number.
    `over` is what time_weighted divides by: one hour, or the hours of the whole period.
    """

    key: str
    event: str
    aggregation: Aggregation
    value: Expression | None = None
    per: tuple[str, ...] = ()
    where: Mapping[str, str | Decimal | bool] | None = None
    unit: str = ""
    base_unit: Decimal = Decimal("0.000001")
    rounding: RoundingMode = "half_up"
    over: Literal["hour", "period"] = "hour"

    @property
    def is_level(self) -> bool:
        """Whether the quantity is a height (a peak, a mean) and not an amount that adds up."""
        return self.aggregation in {"max", "min", "last", "average", "unique"}

    @property
    def reads_resources(self) -> bool:
        """Whether this meter reads the states of resources instead of plain events."""
        return self.event == "resource"


@dataclass(frozen=True, slots=True)
class Flat:
    """A fixed amount for each interval."""

    amount: Amounts


@dataclass(frozen=True, slots=True)
class PerUnit:
    """The same rate for every unit."""

    unit: Amounts


@dataclass(frozen=True, slots=True)
class Package:
    """A price for each started block of `size` units."""

    size: Decimal
    price: Amounts


@dataclass(frozen=True, slots=True)
class Tier:
    """A step of a curve: up to and with `up_to` (None: without end)."""

    up_to: Decimal | None
    unit: Amounts
    flat: Amounts


@dataclass(frozen=True, slots=True)
class Graduated:
    """Each unit costs the rate of the tier it falls in; a tier's flat is paid on entering it."""

    tiers: tuple[Tier, ...]


@dataclass(frozen=True, slots=True)
class Volume:
    """The tier that holds the whole quantity prices all of it."""

    tiers: tuple[Tier, ...]


Curve = Flat | PerUnit | Package | Graduated | Volume


@dataclass(frozen=True, slots=True)
class Price:
    """A lookup key with a curve.

    Flat prices have `every` and no meter; counted ones have `every` (month) and `count`; metered
    ones have `meter`. `included` is the allowance, taken off before the curve.
    """

    key: str
    curve: Curve
    meter: str | None = None
    count: Counted | None = None
    every: Interval | None = None
    included: Decimal = ZERO
    minimum: Amounts | None = None
    maximum: Amounts | None = None
    product: str | None = None

    @property
    def kind(self) -> Literal["flat", "counted", "metered"]:
        """How the price is billed: flat and counted in advance, metered in arrears."""
        if self.meter is not None:
            return "metered"
        return "flat" if isinstance(self.curve, Flat) else "counted"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a customer subscribes to. A plan without prices is free."""

    key: str
    name: str
    prices: tuple[Price, ...] = ()
    product: str | None = None
    trial_days: int = 0
    limits: Mapping[str, Decimal] | None = None

    def prices_for(self, interval: Interval) -> tuple[Price, ...]:
        """The prices of a subscription with this interval for the base, in catalog order."""
        return tuple(p for p in self.prices if p.kind != "flat" or p.every == interval)

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """The intervals in which the base can be bought; month where there is no base."""
        found = {p.every for p in self.prices if p.kind == "flat"} or {"month"}
        return tuple(i for i in ("month", "year") if i in found)

    @property
    def is_free(self) -> bool:
        """Whether nothing of the plan can ever be charged."""
        return not self.prices


@dataclass(frozen=True, slots=True)
class Cost:
    """What a resource costs the operator."""

    amount: Amounts
    every: Interval


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A kind of resource: its price (a key of `prices`), its spec, its cost to the operator."""

    key: str
    price: str | None
    spec: Mapping[str, Decimal | str]
    cost: Cost | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Coupon:
    """A discount. `duration` is once, forever, or a number of months from the redemption."""

    key: str
    duration: Literal["once", "forever"] | int
    percent_off: Decimal | None = None
    amount_off: Amounts | None = None
    applies_to: frozenset[str] | None = None
    redeem_by: datetime | None = None
    max_redemptions: int | None = None


@dataclass(frozen=True, slots=True)
class Portal:
    """What customers read in the payment provider's portal."""

    headline: str | None = None
    privacy_policy_url: str | None = None
    terms_of_service_url: str | None = None


@dataclass(frozen=True, slots=True)
class Catalog:
    """A whole price list. `prices` holds every price outside plans, by key.

    `links`: each plan with a flat price can be bought at an address, by whoever opens it.
    """

    name: str
    currencies: tuple[str, ...]
    grace_days: int
    meters: Mapping[str, Meter]
    plans: Mapping[str, Plan]
    prices: Mapping[str, Price]
    resources: Mapping[str, ResourceType]
    coupons: Mapping[str, Coupon]
    links: bool = False
    portal: Portal = field(default_factory=Portal)

"""How does an entry of `prices` become a Price, and when are two entries the same price?

A price is flat (an amount for each interval), counted (resources or members, monthly) or metered
(a meter's quantity, monthly). A lookup key is one price wherever it stands; only the allowance may
differ between plans.
"""

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Literal, cast

from tallygate.catalog.curves import (
    CURVES,
    MAX_MINOR_DECIMALS,
    Currencies,
    decimals_of,
    read_curve,
    significant_digits,
)
from tallygate.catalog.model import (
    ZERO,
    Amounts,
    Counted,
    Curve,
    Graduated,
    Interval,
    Meter,
    PerUnit,
    Price,
    Volume,
)
from tallygate.catalog.places import Spot
from tallygate.core.money import minor_digits
from tallygate.core.quantity import EXACT, plain

MAX_LOOKUP_KEY = 200
PRICE_KEYS = (
    *("key", "meter", "count", "every", *CURVES),
    *("included", "minimum", "maximum", "product"),
)
NOT_ON: Mapping[str, tuple[str, ...]] = {
    "flat": ("count", "included", "minimum", "maximum"),
    "counted": ("minimum", "maximum"),
    "metered": ("count",),
}


@dataclass(slots=True)
class PriceBook:
    """What is needed to read prices, and the prices that were read."""

    currencies: Currencies
    meters: Mapping[str, Meter | None]
    first: dict[str, tuple[Price, Spot]] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)

    def read(self, spot: Spot) -> Price | None:
        """The price that stands here, or nothing where a problem was filed."""
        before = len(spot.report.problems)
        found = spot.fields(PRICE_KEYS, required=("key",))
        if found is None:
            return None
        key = found["key"].key(MAX_LOOKUP_KEY) if "key" in found else None
        if key is not None:
            self.keys.add(key)
        price = self._price(key or "", found, spot)
        if len(spot.report.problems) > before or key is None or price is None:
            return None
        self._agree(price, spot)
        return price

    def _price(self, key: str, found: Mapping[str, Spot], spot: Spot) -> Price | None:
        curve = read_curve(found, spot, self.currencies)
        kind = _kind(found)
        for name in NOT_ON[kind]:
            if name in found:
                found[name].problem(f"`{name}` does not go with a {kind} price: remove it.")
        meter = self._meter(found, kind)
        included = found["included"].number() if "included" in found else ZERO
        minimum = self._bound(found.get("minimum"))
        maximum = self._bound(found.get("maximum"))
        _check_bounds(found, minimum, maximum)
        if meter is not None and curve is not None:
            _check_rates(spot, curve, meter.base_unit)
        count = found["count"].choice("resources", "members") if "count" in found else "resources"
        product = found["product"].key() if "product" in found else None
        every = _every(found, spot, kind)
        if curve is None or included is None:
            return None
        return Price(
            key=key,
            curve=curve,
            meter=meter.key if meter is not None else None,
            count=cast(Counted, count) if kind == "counted" else None,
            every=None if kind == "metered" else every,
            included=included,
            minimum=minimum,
            maximum=maximum,
            product=product,
        )

    def _meter(self, found: Mapping[str, Spot], kind: str) -> Meter | None:
        if "meter" not in found:
            return None
        at = found["meter"]
        if kind == "flat" or "flat" in found:
            at.problem("A flat price has no meter: remove it, or write per_unit.")
        name = at.text()
        if name is not None and name not in self.meters:
            at.problem(f"There is no meter {name!r}{did_you_mean(name, self.meters)}")
        return self.meters.get(name) if name is not None else None

    def _bound(self, at: Spot | None) -> Amounts | None:
        return None if at is None else self.currencies.amounts(at, charged=True)

    def _agree(self, price: Price, spot: Spot) -> None:
        """A key that stands in several places is the same price in all of them."""
        if (known := self.first.setdefault(price.key, (price, spot)))[1] is spot:
            return
        other = replace(known[0], included=price.included)
        differing = [
            part.name
            for part in fields(Price)
            if getattr(price, part.name) != getattr(other, part.name)
        ]
        if differing:
            spot.problem(
                f"{price.key!r} is another price on line {known[1].line} "
                f"({', '.join(differing)} differ): a key is one price and only `included` may "
                "differ. Give this one a key of its own, or make them equal."
            )


def did_you_mean(name: str, known: Collection[str]) -> str:
    """The end of a sentence about an unknown name."""
    if near := difflib.get_close_matches(name, known, n=1):
        return f": did you mean {near[0]!r}?"
    return f": there are {', '.join(sorted(known)[:10])}." if known else ": there are none."


def _kind(found: Mapping[str, Spot]) -> Literal["flat", "counted", "metered"]:
    if "meter" in found:
        return "metered"
    return "flat" if "flat" in found else "counted"


def _every(found: Mapping[str, Spot], spot: Spot, kind: str) -> Interval | None:
    if "every" not in found:
        if kind != "metered":
            spot.problem(
                "`every` is missing: write `every: month`"
                + (
                    " or `every: year`."
                    if kind == "flat"
                    else ", or name the `meter` whose quantity is priced."
                )
            )
        return None
    every = found["every"].choice("month", "year")
    if every == "year" and kind != "flat":
        found["every"].problem(f"A {kind} price is billed monthly: write `every: month`.")
    return cast(Interval, every)


def _check_bounds(
    found: Mapping[str, Spot], minimum: Amounts | None, maximum: Amounts | None
) -> None:
    for code in (minimum or {}).keys() & (maximum or {}).keys():
        least, most = (minimum or {})[code], (maximum or {})[code]
        if least > most:
            found["maximum"].problem(
                f"The maximum ({plain(most)}) is below the minimum ({plain(least)})."
            )
            return


def _check_rates(spot: Spot, curve: Curve, base_unit: Decimal) -> None:
    """Stripe gets the price of one base unit, in minor units, and takes 12 decimals of it."""
    for code, rate in _rates(curve):
        minor = EXACT.multiply(rate, base_unit).scaleb(minor_digits(code))
        if decimals_of(minor) > MAX_MINOR_DECIMALS or significant_digits(minor) > 15:
            spot.problem(
                f"{plain(rate)} for a unit is {plain(minor)} minor units for the meter's base "
                f"unit of {plain(base_unit)}: Stripe refuses more than {MAX_MINOR_DECIMALS} "
                "decimals. Shorten the rate, or give the meter a larger `round: {to: ...}`."
            )
            return


def _rates(curve: Curve) -> Iterator[tuple[str, Decimal]]:
    match curve:
        case PerUnit(unit):
            yield from unit.items()
        case Graduated(tiers) | Volume(tiers):
            for tier in tiers:
                yield from tier.unit.items()

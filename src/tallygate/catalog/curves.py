"""How do amounts and price curves stand in the file?

An amount is a decimal in quotes, or a mapping with one for each of the catalog's currencies.
Amounts that are charged once (a flat, a tier's flat, a minimum) are whole minor units; rates may
be finer, up to the 15 digits and 12 decimals of the minor unit that Stripe takes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tallygate.catalog.model import (
    ZERO,
    Amounts,
    Curve,
    Flat,
    Graduated,
    Package,
    PerUnit,
    Tier,
    Volume,
)
from tallygate.catalog.places import Spot
from tallygate.core.money import minor_digits
from tallygate.core.quantity import plain

MAX_TIERS = 100
MAX_DIGITS = 15
MAX_MINOR_DECIMALS = 12
CURVES = ("flat", "per_unit", "package", "graduated", "volume")


@dataclass(frozen=True, slots=True)
class Currencies:
    """The catalog's currencies; empty when they could not be read."""

    codes: tuple[str, ...]

    def amounts(self, spot: Spot, *, charged: bool = False) -> Amounts | None:
        """A rate in each currency, or (`charged`) an amount of whole minor units."""
        if spot.scalar is not None:
            return self._alone(spot, charged=charged)
        found = spot.pairs()
        if found is None:
            return None
        missing = [code for code in self.codes if code not in found]
        if missing:
            example = ", ".join(f'{code}: "..."' for code in missing)
            spot.problem(f"The amount in {', '.join(missing)} is missing: add {example}.")
        return self.some(found, charged=charged)

    def some(self, found: Mapping[str, Spot], *, charged: bool) -> Amounts | None:
        """The amounts of a mapping that may leave currencies out."""
        amounts: dict[str, Decimal] = {}
        for code, spot in found.items():
            if self.codes and code not in self.codes:
                spot.problem(
                    f"{code!r} is none of the catalog's currencies ({', '.join(self.codes)})."
                )
            elif (amount := self._checked(spot, code, charged=charged)) is not None:
                amounts[code] = amount
        return amounts or None

    def _alone(self, spot: Spot, *, charged: bool) -> Amounts | None:
        if len(self.codes) > 1:
            example = ", ".join(f'{code}: "..."' for code in self.codes)
            spot.problem(f"The catalog has several currencies: write {{{example}}}.")
            return None
        code = self.codes[0] if self.codes else ""
        amount = self._checked(spot, code, charged=charged)
        return None if amount is None else {code: amount}

    def _checked(self, spot: Spot, code: str, *, charged: bool) -> Decimal | None:
        amount = spot.amount()
        if amount is None:
            return None
        digits = minor_digits(code)
        if charged and decimals_of(amount) > digits:
            spot.problem(
                f"{plain(amount)} {code.upper()} is no whole number of minor units: "
                f"write at most {digits} decimals."
            )
            return None
        if significant_digits(amount) > MAX_DIGITS:
            spot.problem(f"Stripe refuses amounts of more than {MAX_DIGITS} digits: shorten it.")
            return None
        return amount


def decimals_of(number: Decimal) -> int:
    """How many digits stand after the point, without trailing zeros."""
    _, _, fraction = plain(number).partition(".")
    return len(fraction)


def significant_digits(number: Decimal) -> int:
    """How many digits a number has, without the zeros on both sides.

    >>> significant_digits(Decimal("0.0500")), significant_digits(Decimal("1200"))
    (1, 2)
    """
    return len(plain(abs(number)).replace(".", "").strip("0"))


def read_curve(fields: Mapping[str, Spot], spot: Spot, currencies: Currencies) -> Curve | None:
    """The one curve of a price."""
    named = [name for name in CURVES if name in fields]
    if len(named) != 1:
        said = f"{' and '.join(named)} are several" if named else "none is there"
        spot.problem(f"A price has exactly one of {', '.join(CURVES)}: {said}.")
        return None
    (name,) = named
    at = fields[name]
    match name:
        case "flat":
            amount = currencies.amounts(at, charged=True)
            return None if amount is None else Flat(amount)
        case "per_unit":
            unit = currencies.amounts(at)
            return None if unit is None else PerUnit(unit)
        case "package":
            return _package(at, currencies)
    tiers = _tiers(at, currencies)
    if tiers is None:
        return None
    return Graduated(tiers) if name == "graduated" else Volume(tiers)


def _package(spot: Spot, currencies: Currencies) -> Package | None:
    fields = spot.fields(("size", "price"), required=("size", "price"))
    if fields is None:
        return None
    size = fields["size"].number() if "size" in fields else None
    price = currencies.amounts(fields["price"]) if "price" in fields else None
    if size is not None and not size:
        fields["size"].problem("A package holds more than zero units.")
        return None
    return None if size is None or price is None else Package(size, price)


def _tiers(spot: Spot, currencies: Currencies) -> tuple[Tier, ...] | None:
    entries = spot.entries()
    if entries is None:
        return None
    if not 1 <= len(entries) <= MAX_TIERS:
        spot.problem(f"Write 1 to {MAX_TIERS} tiers, not {len(entries)}.")
        return None
    tiers: list[Tier] = []
    reached = ZERO
    for index, entry in enumerate(entries):
        fields = entry.fields(("up_to", "unit", "flat"))
        if fields is None:
            continue
        bound = _bound(fields.get("up_to"), entry, reached, last=index == len(entries) - 1)
        reached = bound or reached
        if "unit" not in fields and "flat" not in fields:
            entry.problem("The tier has no rate: write `unit`, `flat`, or both.")
            continue
        nothing = dict.fromkeys(currencies.codes, ZERO)
        unit = currencies.amounts(fields["unit"]) if "unit" in fields else nothing
        flat = currencies.amounts(fields["flat"], charged=True) if "flat" in fields else nothing
        if unit is not None and flat is not None:
            tiers.append(Tier(bound, unit, flat))
    return tuple(tiers) if len(tiers) == len(entries) else None


def _bound(at: Spot | None, entry: Spot, reached: Decimal, *, last: bool) -> Decimal | None:
    if last:
        if at is not None:
            at.problem("The last tier is open: remove its `up_to`, or add a tier after it.")
        return None
    if at is None:
        entry.problem("Only the last tier is open: write `up_to`, the last unit of this tier.")
        return None
    bound = at.number()
    if bound is not None and bound <= reached:
        at.problem(
            f"Tiers ascend: `up_to` must be greater than {plain(reached)}, not {plain(bound)}."
        )
        return None
    return bound

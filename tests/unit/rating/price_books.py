"""Random prices, told in plain values for the oracle and built for the code under test."""

import random
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tallygate.catalog.model import (
    Amounts,
    Curve,
    Flat,
    Graduated,
    Package,
    PerUnit,
    Price,
    Tier,
    Volume,
)

Told = dict[str, Any]
KINDS = ("per_unit", "package", "graduated", "volume", "flat")
DIGITS = {"jpy": 0, "usd": 2, "eur": 2, "kwd": 3}


def seeded(seed: int) -> random.Random:
    """A chance that can be played again."""
    return random.Random(seed)  # noqa: S311 # prices are no secrets


def random_price(chance: random.Random, kinds: tuple[str, ...] = KINDS) -> Told:
    """A price whose numbers like ties, boundaries and awkward decimals."""
    told: Told = {"kind": chance.choice(kinds)}
    told["included"] = chance.choice(["0", "0", number(chance)])
    low = number(chance) if chance.random() < 0.25 else None
    high = number(chance) if chance.random() < 0.25 else None
    if low is not None and high is not None and Decimal(low) > Decimal(high):
        low, high = high, low
    told["minimum"], told["maximum"] = low, high
    told["amount"], told["unit"], told["price"] = (number(chance) for _ in range(3))
    told["size"] = chance.choice(["1", "10", "1000", "2.5", "0.001"])
    bounds = sorted({Decimal(number(chance)) for _ in range(chance.randint(0, 5))} - {Decimal(0)})
    told["tiers"] = [
        (
            None if bound is None else str(bound),
            number(chance),
            chance.choice(["0", number(chance)]),
        )
        for bound in (*bounds, None)
    ]
    return told


def number(chance: random.Random) -> str:
    """0 or more, with up to 12 decimals, often round and often just off a round one."""
    match chance.randrange(5):
        case 0:
            return str(chance.randint(0, 40))
        case 1:
            return str(Decimal(chance.randint(0, 4000)) / 8)
        case 2:
            return str(Decimal(chance.randint(0, 10**6)).scaleb(-3))
        case 3:
            return str(Decimal(chance.randint(0, 10**9)).scaleb(-9))
        case _:
            return f"{chance.randint(0, 10**6)}.{chance.randint(0, 10**12 - 1):012}"


def interesting_quantities(told: Told, chance: random.Random) -> list[Decimal]:
    """0, the allowance and every end of a tier or package above it, and what is beside them."""
    included = Decimal(told["included"])
    ends = [Decimal(up_to) for up_to, _, _ in told["tiers"] if up_to is not None]
    size = Decimal(told["size"])
    least = Decimal("0.000000000001")
    around = [
        included + end + off
        for end in (Decimal(0), *ends, size, size * 3)
        for off in (Decimal(-1), -least, Decimal(0), least, Decimal(1))
    ]
    found = [Decimal(0), *around, *(Decimal(number(chance)) for _ in range(3))]
    return [quantity for quantity in found if quantity >= 0]


def build(told: Told, currency: str, *, meter: str | None = "m", key: str = "p") -> Price:
    """The price that the code under test sees."""
    return Price(
        key=key,
        curve=build_curve(told, currency),
        meter=meter,
        included=Decimal(told["included"]),
        minimum=_amounts(told["minimum"], currency),
        maximum=_amounts(told["maximum"], currency),
    )


def build_curve(told: Told, currency: str) -> Curve:
    """The curve alone."""

    def amounts(text: str) -> Amounts:
        return {currency: Decimal(text)}

    tiers = tuple(
        Tier(None if up_to is None else Decimal(up_to), amounts(unit), amounts(fee))
        for up_to, unit, fee in told["tiers"]
    )
    match told["kind"]:
        case "flat":
            return Flat(amounts(told["amount"]))
        case "per_unit":
            return PerUnit(amounts(told["unit"]))
        case "package":
            return Package(Decimal(told["size"]), amounts(told["price"]))
        case "graduated":
            return Graduated(tiers)
        case _:
            return Volume(tiers)


def random_share(chance: random.Random) -> Fraction:
    """Seconds out of a month, to the microsecond now and then."""
    length = chance.choice([28, 30, 31]) * 86_400
    if chance.random() < 0.2:
        return Fraction(chance.randint(0, length * 10**6), length * 10**6)
    return Fraction(chance.randint(0, length), length)


def _amounts(text: str | None, currency: str) -> Amounts | None:
    return None if text is None else {currency: Decimal(text)}

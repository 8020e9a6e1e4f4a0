"""What an invoice of the oracle is made of."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from tests.sandbox.oracle.arithmetic import ZERO, Price, rounded, spread


@dataclass(eq=False)
class Discount:
    """A percentage or an amount off, of some products or of all, for a time."""

    percent: Fraction | None
    amount: int
    products: frozenset[str] | None
    duration: str
    ends: int | None = None
    spent: bool = False

    def holds(self, at: int) -> bool:
        return not self.spent and (self.ends is None or at < self.ends)

    def reaches(self, product: str) -> bool:
        return self.products is None or product in self.products


@dataclass(eq=False)
class Line:
    """A line; `off` is what discounts took off it. Its metered `source` is read again later."""

    amount: int
    period: tuple[int, int]
    product: str
    proration: bool = False
    discountable: bool = True
    discounts: Sequence[Discount] = ()
    off: int = 0
    made: int = 0


@dataclass
class Usage:
    """What an item used from `start` until before `end`, at the price that it had."""

    price: Price
    start: int
    end: int
    discounts: Sequence[Discount]
    through: bool = False  # the second `end` counts too: nothing else bills it


@dataclass(eq=False)
class Item:
    """A price and its quantity; `billed` are the lines that paid for parts of its period."""

    key: str
    price: Price
    quantity: int
    start: int
    end: int
    since: int
    discounts: list[Discount] = field(default_factory=list)
    billed: list[tuple[tuple[int, int], list[Line]]] = field(default_factory=list)


@dataclass(eq=False)
class Bill:
    """An invoice; `sources` are lines, or usage that is read when it is finalized."""

    made: int
    reason: str
    waiting: list[Line]
    sources: list[Line | Usage]
    discounts: list[Discount]
    finalizes: int | None
    final: bool = False
    lines: list[Line] = field(default_factory=list)
    subtotal: int = 0
    total: int = 0
    due: int = 0

    def rows(self) -> list[tuple[int, int, int, bool]]:
        """Its lines as they are compared: amount, start, end, proration."""
        return sorted((line.amount, *line.period, line.proration) for line in self.lines)


def take_off(discount: Discount, lines: list[Line]) -> None:
    """Take a discount off lines, by what earlier ones have left of each."""
    left = [line.amount - line.off for line in lines]
    if discount.percent is not None:
        shares = [discount.percent * amount for amount in left]
        total = rounded(sum(shares, ZERO))
    else:
        owed = [max(amount, 0) for amount in left]
        total = min(discount.amount, sum(owed))
        shares = [Fraction(total * amount, sum(owed) or 1) for amount in owed]
    for line, part in zip(lines, spread(total, shares), strict=True):
        line.off += part

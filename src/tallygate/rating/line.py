"""What does an invoice say about one price, and how does it explain itself?

A line holds its amount and all that leads to it: the quantity that was measured, what of it was
included, the steps of the curve that the rest went through, the meter, the window, the share of
the period. `explain` puts that into sentences.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

from tallygate.core.period import Period

LineKind = Literal["flat", "counted", "metered", "credit", "adjustment"]


class Step(NamedTuple):
    """A part of the quantity at one rate. Amounts are exact, in the main unit.

    `kind` is unit (quantity x rate), block (started packages x price) or fee (a tier's flat).
    `up_to` is the tier's upper bound, where there is one.
    """

    kind: Literal["unit", "block", "fee"]
    quantity: Decimal
    rate: Decimal
    amount: Decimal
    up_to: Decimal | None = None


class Discount(NamedTuple):
    """What a coupon takes off a line, in minor units, as a positive number."""

    coupon: str
    amount: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an invoice: `amount` in minor units, rounded once, before discounts.

    `measured` is what the meter gave (or the count, or 1), `quantity` what is charged for.
    `share` is the part of the period that is charged, by the second. `bound` says that the
    minimum or the maximum decided the amount.
    """

    price: str
    kind: LineKind
    currency: str
    amount: int
    quantity: Decimal
    measured: Decimal
    period: Period
    included: Decimal = Decimal(0)
    steps: tuple[Step, ...] = ()
    meter: str | None = None
    share: Fraction = Fraction(1)
    bound: Literal["minimum", "maximum"] | None = None
    discounts: tuple[Discount, ...] = ()
    note: str = ""

    @property
    def discount(self) -> int:
        """What all coupons take off, in minor units."""
        return sum(discount.amount for discount in self.discounts)

    @property
    def net(self) -> int:
        """The amount after discounts, in minor units."""
        return self.amount - self.discount

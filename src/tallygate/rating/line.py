"""What does an invoice say about one price?

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
WHOLE = Fraction(1)
ZERO = Decimal(0)


class Step(NamedTuple):
    """A part of the quantity at one rate, in the main unit.

    `kind` is unit (quantity x rate), block (started packages x price) or fee (a tier's flat, or
    a flat price). `up_to` is the tier's upper bound and `size` the package's, where there is one.
    Numbers are exact, but where a share of a period made them so long that they are shown with
    12 decimals; the line's amount is computed before that.
    """

    kind: Literal["unit", "block", "fee"]
    quantity: Decimal
    rate: Decimal
    amount: Decimal
    up_to: Decimal | None = None
    size: Decimal | None = None


class Discount(NamedTuple):
    """What a coupon takes off a line, in minor units, as a positive number."""

    coupon: str
    amount: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an invoice: `amount` in minor units, rounded once, before discounts.

    `measured` is what the meter gave (or the count, or 1), `quantity` what is charged for.
    `share` is the part of the period that is charged, by the second: of the allowance, or, when
    `level` is true and for a flat, of the amount. `bound` says that the minimum or the maximum
    decided the amount. `unit` names what is measured; empty: the meter's key does.
    `catalog_version` tells whose price it is; `corrects` names the invoice that a credit or an
    adjustment changes after the fact.
    """

    price: str
    kind: LineKind
    currency: str
    amount: int
    quantity: Decimal
    measured: Decimal
    period: Period
    included: Decimal = ZERO
    steps: tuple[Step, ...] = ()
    meter: str | None = None
    share: Fraction = WHOLE
    bound: Literal["minimum", "maximum"] | None = None
    discounts: tuple[Discount, ...] = ()
    note: str = ""
    catalog_version: int = 0
    corrects: str = ""
    unit: str = ""
    level: bool = False

    @property
    def discount(self) -> int:
        """What all coupons take off, in minor units."""
        return sum(discount.amount for discount in self.discounts)

    @property
    def net(self) -> int:
        """The amount after discounts, in minor units."""
        return self.amount - self.discount

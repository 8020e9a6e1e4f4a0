"""What is an invoice? Lines, their discounts, and totals that are sums of integers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tallygate.core.period import Period
from tallygate.rating.line import Line

InvoiceReason = Literal["subscribe", "boundary", "change", "end", "adjustment"]


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice, or (with an id of "") the preview of one.

    `dated` is the boundary or the instant that it belongs to, `position` the place in the event
    log up to which events were counted, `period` the one whose metered usage it bills. `number`
    counts an organization's invoices from 1. `coupons` are those that held, in their order.
    """

    id: str
    organization: str
    billing_account: str
    subscription: str
    reason: InvoiceReason
    currency: str
    dated: datetime
    period: Period
    position: int
    lines: tuple[Line, ...]
    number: int | None = None
    coupons: tuple[str, ...] = ()

    @property
    def subtotal(self) -> int:
        """The sum of the lines before discounts, in minor units."""
        return sum(line.amount for line in self.lines)

    @property
    def discount(self) -> int:
        """What the coupons take off, in minor units."""
        return sum(line.discount for line in self.lines)

    @property
    def total(self) -> int:
        """What is owed, before tax, in minor units."""
        return self.subtotal - self.discount


@dataclass(frozen=True, slots=True)
class WriteOff:
    """What an ended subscription still owes and is not asked for, as of `dated`.

    The latest one of a subscription stands for all before it: it is what all usage now known
    costs, less what was billed. `lines` are the adjustments that would have been billed.
    """

    id: str
    organization: str
    billing_account: str
    subscription: str
    currency: str
    dated: datetime
    position: int
    lines: tuple[Line, ...]

    @property
    def amount(self) -> int:
        """What is written off, in minor units."""
        return sum(line.net for line in self.lines)

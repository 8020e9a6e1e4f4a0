"""From quantities to explained lines.

Owns: price curves, allowances, minimum and maximum, proration, discounts, the sentences that
explain a line, and the rounding of amounts.

Does not own: how a quantity came about (metering), when something is billed and on which invoice
(subscriptions, invoicing), what a coupon's redemption asks for. It never sees an event.

Laws: rating prices a slice of a curve, so that a month in one slice or in thirty comes to the
same; a line is rounded once, half away from zero; a percentage is rounded once per coupon and
allotted without loss; every line explains itself.
"""

from tallygate.rating.discounts import apply_coupons, holds
from tallygate.rating.explain import explain
from tallygate.rating.line import Discount, Line, Step
from tallygate.rating.rate import rate_counted, rate_flat, rate_metered

__all__ = [
    "Discount",
    "Line",
    "Step",
    "apply_coupons",
    "explain",
    "holds",
    "rate_counted",
    "rate_flat",
    "rate_metered",
]

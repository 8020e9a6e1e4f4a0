"""A period's lines become an invoice.

Owns: what is billed when (flats and counted prices in advance, metered ones in arrears, and what
differs from an advance), plan changes inside a period, the end, trials, coupons on an invoice, and
adjustments after the fact.

Does not own: what a price comes to (rating), how much was used (metering), when boundaries lie
(subscriptions), or how an invoice is collected.

Laws: the preview is the close without the save: the same function gives both. An invoice is never
edited; what was billed wrongly is corrected by adding. Totals are sums of integers.
"""

from tallygate.invoicing.adjustment import late_lines, one_off
from tallygate.invoicing.assemble import change_invoice, close_invoice, first_invoice
from tallygate.invoicing.contract import Contract, Usage
from tallygate.invoicing.model import Invoice, WriteOff

__all__ = [
    "Contract",
    "Invoice",
    "Usage",
    "WriteOff",
    "change_invoice",
    "close_invoice",
    "first_invoice",
    "late_lines",
    "one_off",
]

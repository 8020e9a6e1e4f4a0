"""Lines of an invoice. Source: https://docs.stripe.com/api/invoice-line-item, and recordings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from tallygate_sandbox.world import Obj, Seen


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line to be put on an invoice, or an item to wait for one.

    `amount` in minor units, negative for a credit; `period` (start, end) in seconds. With a price,
    `unit_amount` is what one costs (minor units), None where no single one holds, as for tiers and
    prorations. `subscription` and `subscription_item` name where it comes from; `credited` is
    {"invoice", "invoice_line_items"} of what a proration gives back. `discounts` are ids of
    discounts on this line alone; `metered` lines are what credit grants may pay.
    """

    amount: int
    currency: str
    description: str | None
    period: tuple[int, int]
    price: Seen | None = None
    quantity: Decimal | int | None = 1
    unit_amount: Decimal | int | None = None
    subscription: str | None = None
    subscription_item: str | None = None
    proration: bool = False
    credited: Obj | None = None
    discountable: bool = True
    discounts: Sequence[str] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    tax_rates: Sequence[str] = ()
    metered: bool = False

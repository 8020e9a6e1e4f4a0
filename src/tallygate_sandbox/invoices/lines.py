"""Lines of an invoice. Source: https://docs.stripe.com/api/invoice-line-item, and recordings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from tallygate_sandbox.api import expandable
from tallygate_sandbox.invoices.invoice import LINE
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World

MAX_LINES = 250
PENDING, SUBSCRIBED, LATER = 0, 1, 2  # the order in which an invoice shows its lines

expandable(LINE, discounts="discount", subscription="subscription")


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line to be put on an invoice, or an item to wait for one.

    `amount` in minor units, negative for a credit; `period` (start, end) in seconds. With a price,
    `unit_amount` is what one costs (minor units), None where no single one holds, as for tiers and
    prorations. `subscription` and `subscription_item` name where it comes from; `credited` is
    {"invoice", "invoice_line_items"} of what a proration gives back. `discounts` are ids of
    discounts on this line alone; `tax_behavior` goes before that of the price; `metered` lines are
    what credit grants may pay.
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
    tax_behavior: str | None = None
    metered: bool = False


def line_from(world: World, invoice: Seen, new: NewLine, rank: int = SUBSCRIBED) -> Obj:
    """A line for an invoice, not yet added."""
    return {
        "id": world.ids.new("il"),
        "object": LINE,
        "amount": new.amount,
        "currency": new.currency,
        "description": new.description,
        "discount_amounts": [],
        "discountable": new.discountable,
        "discounts": list(new.discounts),
        "invoice": invoice["id"],
        "livemode": False,
        "metadata": dict(new.metadata),
        "parent": _parent(new, None),
        "period": {"end": new.period[1], "start": new.period[0]},
        "pretax_credit_amounts": [],
        "pricing": pricing(new),
        **quantities(new.quantity),
        "subscription": new.subscription,
        "subtotal": new.amount,
        "taxes": [],
        "_metered": new.metered,
        "_rank": rank,
        "_tax_behavior": new.tax_behavior,
        "_tax_rates": list(new.tax_rates),
    }


def line_of_item(world: World, invoice: Seen, item: Seen, rank: int) -> Obj:
    """The line of an invoice item, not yet added."""
    line = {
        "id": world.ids.new("il"),
        "object": LINE,
        "invoice": invoice["id"],
        "livemode": False,
        "discount_amounts": [],
        "pretax_credit_amounts": [],
        "taxes": [],
        "_metered": item.get("_metered", False),
        "_rank": rank,
    }
    follow_item(line, item)
    return line


def follow_item(line: Obj, item: Seen) -> None:
    """Make a line say what its invoice item says."""
    copied = ("amount", "currency", "description", "discountable", "discounts", "metadata")
    line |= {name: item[name] for name in (*copied, "period", "pricing")}
    line |= {
        "quantity": item["quantity"],
        "quantity_decimal": item["quantity_decimal"],
        "subtotal": item["amount"],
        "subscription": item["_subscription"],
        "parent": _parent_of_item(item),
        "_tax_behavior": item.get("_tax_behavior"),
        "_tax_rates": item["_tax_rates"],
    }


def pricing(new: NewLine) -> Obj | None:
    """The price behind a line, and what one costs (minor units, as a decimal string)."""
    if new.price is None:
        return None
    unit = new.unit_amount
    return {
        "price_details": {"price": new.price["id"], "product": new.price["product"]},
        "type": "price_details",
        "unit_amount_decimal": None if unit is None else shown_decimal(unit),
    }


def quantities(quantity: Decimal | int | None) -> Obj:
    """A quantity as a truncated integer and as an exact string."""
    if quantity is None:
        return {"quantity": None, "quantity_decimal": None}
    return {"quantity": int(quantity), "quantity_decimal": shown_decimal(quantity)}


def shown_decimal(number: Decimal | int) -> str:
    text = format(Decimal(number), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def check_room(count: int) -> None:
    """Refuse more lines than an invoice holds.

    Raises:
        Refusal: more than 250.
    """
    if count > MAX_LINES:
        raise Refusal(f"An invoice can have at most {MAX_LINES} line items.", param="lines")


def _parent(new: NewLine, item: str | None) -> Obj:
    details = {
        "invoice_item": item,
        "proration": new.proration,
        "proration_details": {"credited_items": new.credited},
        "subscription": new.subscription,
        "subscription_item": new.subscription_item,
    }
    return {
        "invoice_item_details": None,
        "subscription_item_details": details,
        "type": "subscription_item_details",
    }


def _parent_of_item(item: Seen) -> Obj:
    details = {
        "invoice_item": item["id"],
        "proration": item["proration"],
        "proration_details": {"credited_items": item["_credited"]},
        "subscription": item["_subscription"],
    }
    if item["_subscription_item"]:
        details["subscription_item"] = item["_subscription_item"]
        return {
            "invoice_item_details": None,
            "subscription_item_details": details,
            "type": "subscription_item_details",
        }
    return {
        "invoice_item_details": details,
        "subscription_item_details": None,
        "type": "invoice_item_details",
    }

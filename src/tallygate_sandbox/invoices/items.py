"""Invoice items: what waits for an invoice, or was put on a draft.

Source: https://docs.stripe.com/api/invoiceitems; fields as recorded.
"""

from typing import Any

from tallygate_sandbox.api import expandable
from tallygate_sandbox.invoices.lines import NewLine, pricing, quantities
from tallygate_sandbox.world import Obj, Seen, World, index, view_of
from tallygate_sandbox.world.world import public

KIND = "invoiceitem"

index(KIND, "customer", "invoice", "_waits_for")
expandable(KIND, customer="customer", discounts="discount", invoice="invoice")


def add_item(world: World, *, customer: str, line: NewLine) -> Obj:
    """Have an item wait for the next invoice of its subscription, or of the customer.

    The line's `subscription` says of which; `invoiceitem.created` is emitted.
    """
    item = world.add(item_from(world, customer, line))
    world.emit("invoiceitem.created", item)
    return item


def pending_items(world: World, customer: str, subscription: str | None) -> list[Seen]:
    """The items that wait for an invoice of this subscription, or of any; oldest first."""
    anyone = world.where(KIND, "_waits_for", customer)
    if subscription is None:
        return anyone
    return sorted(
        anyone + world.where(KIND, "_waits_for", f"{customer} {subscription}"),
        key=lambda item: int(item["date"]),
    )


def item_from(world: World, customer: str, new: NewLine) -> Obj:
    """An item that waits, not yet added."""
    owner = world.get("customer", customer)
    item: Obj = {
        "id": world.ids.new("ii"),
        "object": KIND,
        "amount": new.amount,
        "currency": new.currency,
        "customer": customer,
        "customer_account": None,
        "date": world.now(owner),
        "description": new.description,
        "discountable": new.discountable,
        "discounts": list(new.discounts),
        "invoice": None,
        "livemode": False,
        "metadata": dict(new.metadata),
        "net_amount": None if new.discountable else new.amount,
        "parent": _parent(new),
        "period": {"end": new.period[1], "start": new.period[0]},
        "pricing": pricing(new),
        "proration": new.proration,
        "proration_details": None,
        **quantities(1 if new.quantity is None else new.quantity),
        "test_clock": owner["test_clock"],
        "_subscription": new.subscription,
        "_subscription_item": new.subscription_item,
        "_tax_behavior": new.tax_behavior,
        "_tax_rates": list(new.tax_rates),
        "_waits_for": None,
        "_metered": new.metered,
        "_pulled": False,
        "_credited": new.credited,
    }
    if new.proration:
        item["proration_details"] = {
            "credited_items": _credited(new.credited),
            "discount_amounts": [],
        }
    wait(item)
    return item


def wait(item: Obj) -> None:
    """Let an item wait for an invoice."""
    whose = [item["customer"], item["_subscription"]]
    item |= {"invoice": None, "_waits_for": " ".join(part for part in whose if part)}


def join(item: Obj, invoice: Seen, *, pulled: bool) -> None:
    """Put an item on an invoice; `pulled` when it had waited for one."""
    item |= {"invoice": invoice["id"], "_waits_for": None, "_pulled": pulled}


@view_of(KIND)
def shown(world: World, item: Obj) -> Obj:
    """An item with its tax rates."""
    view: dict[str, Any] = public(item)
    if "deleted" in item:
        return view
    view["tax_rates"] = [world.view(world.get("tax_rate", r)) for r in item["_tax_rates"]]
    return view


def _credited(lines: Obj | None) -> Obj | None:
    """What an item gives back, as an item says it: its line says it with fewer words."""
    if lines is None:
        return None
    return {
        "invoice_item": None,
        "invoice_line_item_details": lines,
        "type": "invoice_line_items",
    }


def _parent(new: NewLine) -> Obj | None:
    if new.subscription is None:
        return None
    details = {"subscription": new.subscription}
    if new.subscription_item:
        details["subscription_item"] = new.subscription_item
    return {"subscription_details": details, "type": "subscription_details"}

"""What discounts have to do with prorations: they are inside the amounts.

Source: https://docs.stripe.com/billing/subscriptions/billing-mode (`proration_discounts`).
Assumed: of a fixed amount off nothing is shared out to prorations.
"""

from collections.abc import Iterable
from decimal import Decimal, localcontext

from tallygate_sandbox.money.rounding import PRECISION
from tallygate_sandbox.products import discounts
from tallygate_sandbox.subscriptions.subscription import Contract
from tallygate_sandbox.world import Seen


def billed(contract: Contract, item: Seen, debit: Seen) -> tuple[int, list[str]]:
    """What an earlier debit came to after discounts (minor units), and its lines' ids."""
    found = [
        line
        for line in contract.world.where("line_item", "invoice", debit["invoice"])
        if _is_of(line, item, debit)
    ]
    if debit["invoice"] is None or not found:
        return debit["amount"], []
    amount = sum(line["amount"] for line in found)
    itemized = contract.sub["billing_mode"]["flexible"]["proration_discounts"] == "itemized"
    if not itemized:
        amount -= sum(off["amount"] for line in found for off in line["discount_amounts"])
    return amount, [line["id"] for line in found]


def _is_of(line: Seen, item: Seen, debit: Seen) -> bool:
    """Is this a line of the debit, and not of a credit for the same time?"""
    details = line["parent"]["subscription_item_details"]
    period = (line["period"]["start"], line["period"]["end"])
    return (
        details is not None
        and line["amount"] >= 0
        and details["subscription_item"] == item["id"]
        and period == (debit["start"], debit["end"])
    )


def holding(contract: Contract, item: Seen) -> list[str]:
    """An item's own discounts that hold now."""
    world, now = contract.world, contract.now()
    return [one for one in item["discounts"] if discounts.holds(world, one, now)]


def less_discounts(
    contract: Contract, item: Seen, amount: Decimal, reach: Iterable[str]
) -> Decimal:
    """An exact amount less each percentage that reaches the item's product, one by one."""
    product = contract.price(item)["product"]
    for ident in reach:
        discount = contract.world.get("discount", ident)
        products = discount["_products"]
        if discount["_percent_off"] is None or (products and product not in products):
            continue
        with localcontext() as exact:
            exact.prec = PRECISION
            amount -= amount * Decimal(str(discount["_percent_off"])) / 100
    return amount

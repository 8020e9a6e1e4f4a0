"""What a draft's lines come to: discounts in their order, credit, tax.

Source: https://docs.stripe.com/billing/subscriptions/coupons (discounts of a line before those of
the invoice), https://docs.stripe.com/billing/subscriptions/usage-based/billing-credits (credit
after discounts, before tax); recorded: a line's own discounts lower the subtotal, the invoice's do
not.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from tallygate_sandbox.invoices import taxes
from tallygate_sandbox.invoices.balance import due_before
from tallygate_sandbox.money.discounts import amount_of, percent_of
from tallygate_sandbox.world import Obj, Seen, World

Left = dict[str, int]


def total_up(world: World, invoice: Obj, lines: Sequence[Obj]) -> Left:
    """Set an invoice's and its lines' amounts; gives what is left of each line after discounts."""
    left: Left = {line["id"]: line["amount"] for line in lines}
    for line in lines:
        line["discount_amounts"], line["pretax_credit_amounts"] = [], []
        for discount in line["discounts"]:
            _take_off(world, [line], discount, left)
    subtotal = sum(left.values())
    for discount in invoice["discounts"]:
        reached = [line for line in lines if _reaches(world, discount, line)]
        _take_off(world, reached, discount, left)
    invoice["subtotal"] = subtotal
    invoice["total_discount_amounts"] = _summed(lines)
    invoice["total_pretax_credit_amounts"] = [
        entry | {"type": "discount"} for entry in invoice["total_discount_amounts"]
    ]
    finish(world, invoice, lines, left)
    return left


def finish(world: World, invoice: Obj, lines: Sequence[Obj], left: Mapping[str, int]) -> None:
    """From what is left of each line (minor units) to tax and the total."""
    inclusive, exclusive = taxes.levy(world, invoice, lines, left)
    total = sum(left.values())
    invoice["subtotal_excluding_tax"] = invoice["subtotal"] - inclusive
    invoice["total_excluding_tax"] = total - inclusive
    invoice["total"] = total + exclusive
    invoice |= due_before(world, invoice)


def _take_off(world: World, lines: Sequence[Obj], discount: str, left: Left) -> None:
    """Take a discount off lines, in proportion to what is left of them."""
    terms, amounts = world.get("discount", discount), [left[line["id"]] for line in lines]
    if not lines:
        return
    if terms["_percent_off"] is not None:
        parts = percent_of(amounts, Decimal(str(terms["_percent_off"])))
    else:
        fixed = terms["_amount_off"].get(lines[0]["currency"])
        if fixed is None:
            return
        parts = amount_of(amounts, fixed)
    for line, part in zip(lines, parts, strict=True):
        left[line["id"]] -= part
        entry = {"amount": part, "discount": discount}
        line["discount_amounts"].append(entry)
        line["pretax_credit_amounts"].append(entry | {"type": "discount"})


def _reaches(world: World, discount: str, line: Seen) -> bool:
    """Does an invoice's discount apply to a line?"""
    if not line["discountable"]:
        return False
    only = world.get("discount", discount)["_products"]
    if not only:
        return True
    details = (line["pricing"] or {}).get("price_details") or {}
    return details.get("product") in only


def _summed(lines: Sequence[Obj]) -> list[Obj]:
    """What each discount took off in all, in the order in which they did."""
    sums: dict[str, int] = {}
    for line in lines:
        for entry in line["discount_amounts"]:
            sums[entry["discount"]] = sums.get(entry["discount"], 0) + entry["amount"]
    return [{"amount": amount, "discount": discount} for discount, amount in sums.items()]

"""Credits and debits when a period changes halfway.

Source: https://docs.stripe.com/billing/subscriptions/prorations; the sentences are recorded. A
credit in flexible mode gives back what was billed, discounts included; in classic mode what the
item would cost now.
"""

from decimal import Decimal

from tallygate_sandbox.invoices import NewLine
from tallygate_sandbox.money.rounding import ratio
from tallygate_sandbox.products.prices import in_currency
from tallygate_sandbox.subscriptions.billing import discounts_at
from tallygate_sandbox.subscriptions.discounted import billed, holding, less_discounts
from tallygate_sandbox.subscriptions.lines import amount_of, day, product_name
from tallygate_sandbox.subscriptions.periods import period_at
from tallygate_sandbox.subscriptions.subscription import Contract
from tallygate_sandbox.world import Obj, Seen

SAID = {"credit": "Unused time on", "debit": "Remaining time on"}


def unused_lines(contract: Contract, at: int) -> list[NewLine]:
    """Credits for all licensed items' time that is left."""
    return [one for item in contract.items for one in credits_for(contract, item, at)]


def credits_for(contract: Contract, item: Seen, at: int) -> list[NewLine]:
    """What is given back for the rest of an item's period, and for those billed ahead.

    Nothing for usage, nor in a trial of which nothing was billed ahead.
    """
    free = contract.sub["status"] == "trialing" and item.get("_prebilled_until") is None
    if contract.metered(item) or free:
        return []
    if contract.flexible:
        return [
            one
            for debit in item["_debits"]
            if debit["end"] > at
            for one in _credit(contract, item, debit, at)
        ]
    if not item["_debits"]:
        return []
    # A first period may be a part of the grid's, and then cost a part.
    start, end = period_at(contract.sub, contract.price(item), at)
    part = ratio(_shown(contract, item), end - at, end - start)
    return [line(contract, item, -part, (at, end), "credit")]


def _credit(contract: Contract, item: Seen, debit: Seen, at: int) -> list[NewLine]:
    """The unused part of one earlier debit, with the lines of the invoice that had it."""
    amount, lines = billed(contract, item, debit)
    begins = max(at, debit["start"])
    part = ratio(amount, debit["end"] - begins, debit["end"] - debit["start"])
    credited = {"invoice": debit["invoice"], "invoice_line_items": lines} if lines else None
    if not part:
        return []
    return [line(contract, item, -part, (begins, debit["end"]), "credit", credited=credited)]


def debit_for(contract: Contract, item: Obj, at: int, whole: tuple[int, int]) -> NewLine | None:
    """What the rest of an item's period costs as the item is now."""
    if contract.metered(item) or contract.sub["status"] == "trialing":
        return None
    start, end = whole
    amount = ratio(_shown(contract, item), end - max(at, start), end - start)
    item["billed_until"] = end
    item["_debits"] = [{"start": at, "end": end, "amount": amount, "invoice": None}]
    return line(contract, item, amount, (at, end), "debit")


def part_for(
    contract: Contract, item: Seen, part: tuple[int, int], whole: tuple[int, int]
) -> NewLine:
    """What a part of a full period that is yet to come costs, as the item is now."""
    amount = ratio(_shown(contract, item), part[1] - part[0], whole[1] - whole[0])
    return line(contract, item, amount, part, "debit")


def _shown(contract: Contract, item: Seen) -> Decimal:
    """An item's full period as it is now, exactly; less what is off unless that is itemized."""
    currency = contract.sub["currency"]
    price = in_currency(contract.price(item), currency)
    amount = amount_of(price, item.get("quantity", 0), currency)
    if itemized(contract):
        return amount
    reach = discounts_at(contract.world, contract.sub, contract.now())
    return less_discounts(contract, item, amount, [*reach, *holding(contract, item)])


def itemized(contract: Contract) -> bool:
    """Are prorations shown before discounts, with the discounts as such?"""
    flexible = contract.sub["billing_mode"]["flexible"] or {}
    return flexible.get("proration_discounts") == "itemized"


def line(
    contract: Contract,
    item: Seen,
    amount: int,
    period: tuple[int, int],
    what: str,
    *,
    credited: Obj | None = None,
) -> NewLine:
    """One proration: what is given back, or charged, for a part of an item's period."""
    sub, price = contract.sub, contract.price(item)
    quantity = item.get("quantity", 1)
    count = f"{quantity} × " if quantity > 1 else ""
    name = product_name(contract.world, price)
    return NewLine(
        amount=amount,
        currency=sub["currency"],
        description=f"{SAID[what]} {count}{name} after {day(period[0])}",
        period=period,
        price=price,
        quantity=quantity,
        subscription=sub["id"],
        subscription_item=item["id"],
        proration=True,
        credited=credited,
        discountable=itemized(contract),
        discounts=holding(contract, item) if itemized(contract) else (),
        tax_rates=item["tax_rates"],
    )

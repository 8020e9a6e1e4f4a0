"""How credit pays the metered lines of an invoice, and comes back when it is voided.

Source: https://docs.stripe.com/billing/subscriptions/usage-based/billing-credits: by priority
(lower first), then what expires first, promotional before paid, earlier effective, older. The
lines are paid in their order.
"""

from tallygate_sandbox.credits import ledger
from tallygate_sandbox.credits.grants import KIND, is_over, of_customer, pays_for
from tallygate_sandbox.world import Obj, Seen, World

NEVER = 2**62


def apply(
    world: World, invoice: Obj, metered_lines: list[Obj], amount_by_line: dict[str, int]
) -> int:
    """Pay metered lines with credit, at finalization, after discounts and before tax.

    `amount_by_line` holds what each line costs by its id (minor units, discounts taken off). Each
    payment is appended to the line's `pretax_credit_amounts` and the invoice's
    `total_pretax_credit_amounts`. Gives the sum of what was paid, in minor units.
    """
    left = {line["id"]: max(amount_by_line[line["id"]], 0) for line in metered_lines}
    paid = 0
    for seen in usable(world, invoice):
        for line in metered_lines:
            available = world.get(KIND, seen["id"])["_available"]
            amount = min(available, left[line["id"]])
            if amount == 0 or not pays_for(seen, price_of(line)):
                continue
            left[line["id"]] -= amount
            paid += amount
            _pay(world, world.edit(KIND, seen["id"]), invoice, line, amount)
    return paid


def restore(world: World, invoice_id: str) -> None:
    """Give back the credit that an invoice used, when it is voided.

    What comes back to a grant whose time is over is taken again at once.
    """
    uses = ledger.of_invoice(world, invoice_id)
    if any(use["type"] == "credit" for use in uses):
        return
    for use in uses:
        grant = world.edit(KIND, use["credit_grant"])
        amount = use["debit"]["amount"]["monetary"]["value"]
        line = use["debit"]["credits_applied"]["invoice_line_item"]
        ledger.credit(world, grant, amount, voided=(invoice_id, line))
        if is_over(grant, world.now(grant)):
            ledger.debit(world, grant, grant["_available"], "credits_expired")


def usable(world: World, invoice: Seen) -> list[Seen]:
    """The grants that can pay for an invoice now, in the order in which they pay."""
    now, currency = world.now(invoice), invoice["currency"]
    grants = [
        grant
        for grant in of_customer(world, invoice["customer"])
        if grant["_available"] > 0
        and grant["amount"]["monetary"]["currency"] == currency
        and grant["effective_at"] <= now
        and not is_over(grant, now)
    ]
    # Sorting keeps the order of creation among equals.
    return sorted(grants, key=_turn)


def price_of(line: Seen) -> str:
    """The id of a line's price."""
    price: str = line["pricing"]["price_details"]["price"]
    return price


def _turn(grant: Seen) -> tuple[int, int, bool, int, int]:
    expires = grant["expires_at"]
    return (
        grant["priority"],
        NEVER if expires is None else expires,
        grant["category"] != "promotional",
        grant["effective_at"],
        grant["created"],
    )


def _pay(world: World, grant: Obj, invoice: Obj, line: Obj, amount: int) -> None:
    use = (invoice["id"], line["id"])
    transaction = ledger.debit(world, grant, amount, "credits_applied", use)
    assert transaction is not None, "an amount of 0 is not paid"
    entry = {
        "amount": amount,
        "credit_balance_transaction": transaction["id"],
        "type": "credit_balance_transaction",
    }
    line["pretax_credit_amounts"] = [*(line.get("pretax_credit_amounts") or []), entry]
    total = invoice.get("total_pretax_credit_amounts") or []
    invoice["total_pretax_credit_amounts"] = [*total, dict(entry)]

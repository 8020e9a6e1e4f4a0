"""A customer's balance: what a negative or tiny invoice leaves, and what the next one uses.

Source: https://docs.stripe.com/billing/customer/balance. A negative balance is credit. An invoice
below the least charge is not collected: what it comes to is carried to the next one.
"""

from tallygate_sandbox.customers import balance as customers
from tallygate_sandbox.money.currencies import least_charge
from tallygate_sandbox.world import Obj, Seen, World

APPLIED = "applied_to_invoice"


def due_before(world: World, invoice: Seen) -> Obj:
    """What a draft would come to if it were finalized now: its amount due and the balance."""
    starting = _starting(world, invoice)
    due, _ = split(invoice["total"], starting, invoice["currency"])
    return {"amount_due": due, "amount_remaining": due, "starting_balance": starting}


def split(total: int, starting: int, currency: str) -> tuple[int, int]:
    """What is due of a total (minor units), and the balance that is left."""
    due = total + starting
    if due < least_charge(currency):
        return 0, due
    return due, 0


def use(world: World, invoice: Obj) -> None:
    """At finalization: settle the balance with this invoice, and note what moved it."""
    starting = _starting(world, invoice)
    due, ending = split(invoice["total"], starting, invoice["currency"])
    if not _has_balance(world, invoice):
        ending = 0
    invoice |= {
        "amount_due": due,
        "amount_remaining": due,
        "starting_balance": starting,
        "ending_balance": ending,
    }
    too_small = ending > 0 and invoice["total"] > 0
    move(world, invoice, ending - starting, "invoice_too_small" if too_small else APPLIED)


def _starting(world: World, invoice: Seen) -> int:
    customer = world.get("customer", invoice["customer"])
    return int(customer["balance"]) if _has_balance(world, invoice) else 0


def _has_balance(world: World, invoice: Seen) -> bool:
    """A balance is in the customer's currency, and invoices in another one leave it alone."""
    known = world.get("customer", invoice["customer"])["currency"]
    return known in {None, invoice["currency"]}


def give_back(world: World, invoice: Obj) -> None:
    """When an invoice is voided: undo what its finalization did to the balance."""
    moved = (invoice["ending_balance"] or 0) - invoice["starting_balance"]
    move(world, invoice, -moved, "unapplied_from_invoice")


def move(
    world: World, invoice: Seen, amount: int, kind: str, credit_note: str | None = None
) -> Obj | None:
    """Add to the balance of an invoice's customer (minor units; negative is credit)."""
    made = customers.move(
        world,
        invoice["customer"],
        amount,
        kind,
        currency=invoice["currency"],
        invoice=invoice["id"],
        credit_note=credit_note,
    )
    if made is not None:
        world.updated(world.get("customer", invoice["customer"]))
    return made

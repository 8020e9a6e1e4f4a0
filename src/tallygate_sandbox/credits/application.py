"""How credit pays the metered lines of an invoice, and comes back when it is voided."""

from tallygate_sandbox.world import Obj, World


def apply(
    world: World, invoice: Obj, metered_lines: list[Obj], amount_by_line: dict[str, int]
) -> int:
    """Pay metered lines with credit, at finalization, after discounts and before tax.

    `amount_by_line` holds what each line costs by its id (minor units, discounts taken off). Each
    payment is appended to the line's `pretax_credit_amounts` and the invoice's
    `total_pretax_credit_amounts`. Gives the sum of what was paid, in minor units.
    """
    del world, invoice, metered_lines, amount_by_line
    return 0


def restore(world: World, invoice_id: str) -> None:
    """Give back the credit that an invoice used, when it is voided."""
    del world, invoice_id

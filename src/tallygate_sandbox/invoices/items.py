"""Invoice items: what waits for an invoice, or was put on a draft."""

from tallygate_sandbox.invoices.lines import NewLine
from tallygate_sandbox.world import Obj, Seen, World


def add_item(world: World, *, customer: str, line: NewLine) -> Obj:
    """Have an item wait for the next invoice of its subscription, or of the customer.

    The line's `subscription` says of which; `invoiceitem.created` is emitted.
    """
    raise NotImplementedError


def pending_items(world: World, customer: str, subscription: str | None) -> list[Seen]:
    """The items that wait for an invoice of this subscription, or of none; oldest first."""
    raise NotImplementedError

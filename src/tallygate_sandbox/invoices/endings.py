"""How an invoice ends: paid, void, uncollectible, deleted."""

from tallygate_sandbox.world import Obj, World


def void(world: World, invoice_id: str) -> Obj:
    """Void an open or uncollectible invoice: credit and balance return, `invoice.voided`."""
    raise NotImplementedError

"""Payment of an invoice: attempts, retries, and when they are over."""

from tallygate_sandbox.world import Obj, World


def attempt_payment(
    world: World, invoice_id: str, payment_method: str | None = None, *, off_session: bool = True
) -> Obj:
    """Try to pay an open invoice by card, and say how it went by its status; refuses nothing.

    Without a method it takes the invoice's, its subscription's, or its customer's default.
    """
    raise NotImplementedError

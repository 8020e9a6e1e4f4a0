"""From a draft to a numbered invoice."""

from tallygate_sandbox.world import Obj, World


def finalize(world: World, invoice_id: str) -> Obj:
    """Finalize a draft: number, credit, balance, payment intent; `invoice.finalized`.

    Before, `invoice.finalizing` is played, in which its lines may still be replaced. An invoice
    with nothing due is paid at once. It is not attempted otherwise: see attempt_payment.

    Raises:
        Refusal: it is no draft.
    """
    raise NotImplementedError

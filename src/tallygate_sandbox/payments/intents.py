"""Payment intents: from a wish to be paid to a charge."""

from tallygate_sandbox.world import Obj, World


def collect(
    world: World,
    *,
    customer: str,
    amount: int,
    currency: str,
    payment_method: str | None,
    invoice: str | None = None,
    off_session: bool = True,
    description: str | None = None,
) -> Obj:
    """Create a payment intent and confirm it at once; its events are emitted.

    Gives the intent: `succeeded`, `requires_payment_method` with `last_payment_error`, or
    `requires_action` (3-D Secure). It refuses nothing: its status says how it went.
    """
    intent = prepare(
        world,
        customer=customer,
        amount=amount,
        currency=currency,
        invoice=invoice,
        description=description,
    )
    return confirm(world, intent["id"], payment_method, off_session=off_session)


def prepare(
    world: World,
    *,
    customer: str,
    amount: int,
    currency: str,
    invoice: str | None = None,
    description: str | None = None,
) -> Obj:
    """Create an unconfirmed payment intent, `requires_payment_method`, as for default_incomplete."""
    raise NotImplementedError


def confirm(
    world: World, intent: str, payment_method: str | None = None, *, off_session: bool = False
) -> Obj:
    """Try to pay an intent, for the first time or again; like collect, it refuses nothing.

    Without a method it takes the intent's own, or the customer's default.
    """
    raise NotImplementedError


def cancel(world: World, intent: str, reason: str | None = None) -> Obj:
    """Cancel an intent that is not paid, as when its invoice is voided; a final one stays."""
    raise NotImplementedError

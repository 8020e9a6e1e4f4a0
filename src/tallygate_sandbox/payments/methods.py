"""Payment methods. Source: https://docs.stripe.com/api/payment_methods."""

from tallygate_sandbox.world import Seen, World


def default_method(world: World, customer: str, subscription: Seen | None = None) -> str | None:
    """Which method pays: the subscription's default, else the customer's for invoices."""
    chosen = (subscription or {}).get("default_payment_method")
    if chosen is None:
        found = world.get("customer", customer)
        chosen = found["invoice_settings"]["default_payment_method"]
    return chosen

"""Meters. Source: https://docs.stripe.com/api/billing/meter."""

from tallygate_sandbox.world import Seen, World

KIND = "billing.meter"


def meter_of(world: World, price: Seen) -> Seen | None:
    """The meter of a metered price; None for a licensed or a one-time price."""
    recurring = price.get("recurring") or {}
    return world.find(KIND, recurring.get("meter"))

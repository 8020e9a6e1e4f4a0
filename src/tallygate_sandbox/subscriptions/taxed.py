"""A subscription whose invoice could not be taxed goes on without automatic tax.

Source: https://docs.stripe.com/tax/customer-locations: the subscription and the present phase of
its schedule say why. After an error of the calculation itself it stays on (assumed: the SDK knows
no such reason of a subscription).
"""

from tallygate_sandbox.subscriptions.billing import subscription_of
from tallygate_sandbox.subscriptions.subscription import KIND, announce
from tallygate_sandbox.world import Obj, Seen, World, when

SCHEDULE = "subscription_schedule"
DISABLED: Obj = {
    "disabled_reason": "requires_location_inputs",
    "enabled": False,
    "liability": None,
}


@when("invoice.tax_disabled")
def follow_invoice(world: World, invoice: Seen) -> None:
    why = invoice["automatic_tax"]["disabled_reason"]
    found = world.find(KIND, subscription_of(invoice))
    if found is None or why != "finalization_requires_location_inputs":
        return
    sub = world.edit(KIND, found["id"])
    if not sub["automatic_tax"]["enabled"]:
        return
    sub["automatic_tax"] = dict(DISABLED)
    announce(world, sub)
    if world.find(SCHEDULE, sub["schedule"]) is not None:
        _follow_schedule(world, world.edit(SCHEDULE, sub["schedule"]))


def _follow_schedule(world: World, schedule: Obj) -> None:
    now = schedule["current_phase"]
    schedule["default_settings"]["automatic_tax"] = dict(DISABLED)
    for phase in schedule["phases"]:
        if now and phase["start_date"] == now["start_date"]:
            phase["automatic_tax"] = dict(DISABLED)
    world.updated(schedule)

"""The end of a period: what was used is billed, and the next period of what is licensed.

Sources: https://docs.stripe.com/billing/subscriptions/billing-cycle and
https://docs.stripe.com/billing/subscriptions/mixed-interval. A draft stands an hour before it is
finalized.
"""

from tallygate_sandbox import invoices
from tallygate_sandbox.subscriptions import billing, ends, phases, rolling, timers
from tallygate_sandbox.subscriptions.subscription import BILLED, KIND, Contract, announce
from tallygate_sandbox.subscriptions.trial_ends import end_trial
from tallygate_sandbox.world import World, due


@due("subscription.renew")
def renew(world: World, ident: str) -> None:
    """Bill what is due and begin the next periods, or end what was to end."""
    contract = Contract.opened(world, ident)
    sub, now = contract.sub, contract.now()
    if sub["status"] not in BILLED:
        return
    if timers.ends_at(sub, now):
        ends.end_at_boundary(contract)
        return
    if sub["status"] == "trialing" and sub["trial_end"] <= now and not end_trial(contract):
        return
    bill_cycle(contract, now)
    billing.let_ended_discounts_go(contract)
    announce(world, sub)
    timers.set_for(contract)


def bill_cycle(contract: Contract, now: int) -> None:
    """Roll the periods that are over and make the draft for them, if there is anything to bill."""
    world, sub = contract.world, contract.sub
    since = rolling.looks_back_to(contract, now)
    dues = rolling.arrears(contract, now)
    if phases.enter_if_due(contract, now):
        contract.keep()
    dues += rolling.advance(contract, now)
    if not dues and not invoices.pending_items(world, sub["customer"], sub["id"]):
        return
    draft = billing.make_draft(contract, "subscription_cycle", dues, (since, now))
    if sub["pause_collection"] and sub["pause_collection"]["behavior"] != "keep_as_draft":
        billing.settle(contract, draft, "default_incomplete")


@due("subscription.trial_will_end")
def tell_trial_end(world: World, ident: str) -> None:
    sub = world.edit(KIND, ident)
    sub["_trial_told"] = sub["trial_end"]
    if sub["status"] == "trialing":
        world.emit("customer.subscription.trial_will_end", sub)


@due("subscription.bill_pending")
def bill_pending(world: World, ident: str) -> None:
    """Bill what has waited, at the interval that the subscription wants for it."""
    contract = Contract.opened(world, ident)
    sub, now = contract.sub, contract.now()
    interval = sub["pending_invoice_item_interval"]
    if sub["status"] not in BILLED or not interval:
        return
    if invoices.pending_items(world, sub["customer"], sub["id"]):
        billing.make_draft(contract, "subscription_cycle", [], (now, now))
    rolling.plan_pending(sub, now)
    announce(world, sub)
    timers.set_for(contract)

"""`billing_thresholds`: usage is billed within the period when it comes to enough.

Source: https://docs.stripe.com/api/subscriptions/create#create_subscription-billing_thresholds and
an older page of the documentation: not in a trial, not in the last 24 hours of a period.

Assumed: it is looked at every hour of the customer's clock, what counts is the usage that is not
billed yet, and the tiers of a price begin anew after such an invoice.
"""

from tallygate_sandbox import meters
from tallygate_sandbox.subscriptions import billing, rolling
from tallygate_sandbox.subscriptions import timers as times
from tallygate_sandbox.subscriptions.lines import lines_of
from tallygate_sandbox.subscriptions.periods import anchor_to, period_at
from tallygate_sandbox.subscriptions.subscription import Contract, announce
from tallygate_sandbox.world import Seen, World, due

REASON = "subscription_threshold"
LAST_SECONDS = 24 * 3600


@due("subscription.threshold")
def look(world: World, ident: str) -> None:
    """Bill the usage so far if it has reached a threshold."""
    contract = Contract.opened(world, ident)
    sub, now = contract.sub, contract.now()
    renews = times.renews_at(contract)
    if renews is not None and sub["status"] != "trialing" and renews - now > LAST_SECONDS:
        dues = rolling.usage_until(contract, now)
        amount = sum(line.amount for line in lines_of(world, sub, dues))
        wanted = (sub["billing_thresholds"] or {}).get("amount_gte")
        if (wanted is not None and amount >= wanted) or _used_enough(contract, now):
            since = min(due.start for due in dues)
            billing.make_draft(contract, REASON, dues, (since, now), include_pending=False)
            for item in contract.items:
                if contract.metered(item):
                    item["_since"] = now
            if (sub["billing_thresholds"] or {}).get("reset_billing_cycle_anchor"):
                _anchor_anew(contract, now)
            announce(world, sub)
    times.set_for(contract)


def _used_enough(contract: Contract, now: int) -> bool:
    return any(_used(contract, item, now) for item in contract.items)


def _used(contract: Contract, item: Seen, now: int) -> bool:
    wanted = (item["billing_thresholds"] or {}).get("usage_gte")
    if wanted is None or not contract.metered(item):
        return False
    span, meter = rolling.usage_due(item, now), contract.price(item)["recurring"]["meter"]
    used = meters.usage(contract.world, meter, contract.sub["customer"], span.start, now)
    return bool(used >= wanted)


def _anchor_anew(contract: Contract, now: int) -> None:
    """Begin the metered items' period anew; what was paid in advance keeps its own."""
    anchor_to(contract.sub, now)
    for item in contract.items:
        if contract.metered(item):
            start, end = period_at(contract.sub, contract.price(item), now)
            item |= {"current_period_start": start, "current_period_end": end}

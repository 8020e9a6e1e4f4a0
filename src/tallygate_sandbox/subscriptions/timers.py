"""When a subscription is looked at again.

Sources: the 3 days before a trial's end and the 23 hours of an incomplete one are documented;
invoice.upcoming comes some days before, by a setting of the account: the sandbox takes 7.
"""

from tallygate_sandbox.subscriptions.subscription import BILLED, Contract
from tallygate_sandbox.world import Seen

DAY = 86_400
EXPIRES_AFTER = 23 * 3600
TRIAL_TOLD_BEFORE = 3 * DAY
UPCOMING_BEFORE = 7 * DAY
LOOKS_EVERY = 3600

NAMES = (
    "subscription.renew",
    "subscription.trial_will_end",
    "subscription.expire",
    "subscription.upcoming",
    "subscription.bill_pending",
    "subscription.threshold",
)


def renews_at(contract: Contract) -> int | None:
    """When the next period ends, or the subscription; None when nothing is billed any more."""
    if contract.sub["status"] not in BILLED:
        return None
    ends: list[int] = [item["current_period_end"] for item in contract.items]
    if contract.sub["cancel_at"] is not None:
        ends.append(contract.sub["cancel_at"])
    return min(ends)


def set_for(contract: Contract) -> None:
    """Set every timer anew from what the subscription is now."""
    world, sub, now = contract.world, contract.sub, contract.now()
    wanted: dict[str, int | None] = dict.fromkeys(NAMES)
    at = renews_at(contract)
    if at is not None:
        wanted["subscription.renew"] = at
        if at - UPCOMING_BEFORE > now and not ends_at(sub, at):
            wanted["subscription.upcoming"] = at - UPCOMING_BEFORE
        if has_thresholds(contract):
            wanted["subscription.threshold"] = now + LOOKS_EVERY
        wanted["subscription.bill_pending"] = sub["next_pending_invoice_item_invoice"]
    if sub["status"] == "incomplete":
        wanted["subscription.expire"] = sub["created"] + EXPIRES_AFTER
    if sub["status"] == "trialing" and sub.get("_trial_told") != sub["trial_end"]:
        wanted["subscription.trial_will_end"] = max(sub["trial_end"] - TRIAL_TOLD_BEFORE, now)
    for name, due in wanted.items():
        if due is None:
            world.stop_timer(name, sub)
        else:
            world.set_timer(name, sub, due)


def has_thresholds(contract: Contract) -> bool:
    """Is usage to be billed within the period when it comes to enough?"""
    holders = [contract.sub, *contract.items]
    return any(holder["billing_thresholds"] for holder in holders)


def ends_at(sub: Seen, at: int) -> bool:
    return bool(sub["cancel_at"] is not None and sub["cancel_at"] <= at)

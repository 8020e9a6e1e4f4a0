"""A trial ends: by itself, or because somebody ends it now.

Source: https://docs.stripe.com/billing/subscriptions/trials. Where nothing would pay, the
subscription's own settings say what becomes of it; that an end by hand heeds them too is what
Stripe's command-line tool relies on. They also say whether the billing cycle is anchored anew: if
not, the first period that is paid for is the rest of the one in which the trial ends.
"""

from tallygate_sandbox.subscriptions import billing, ends, pauses, periods, settings
from tallygate_sandbox.subscriptions.subscription import Contract


def end_trial(contract: Contract) -> bool:
    """Become active, or what was wanted when there is nothing to pay with; False ends it there."""
    sub = contract.sub
    sub["status"] = "active"
    if sub.pop("_anchored_before", False) and not settings.keeps_anchor(sub):
        periods.anchor_to(sub, sub["trial_end"])
    missing = sub["collection_method"] != "send_invoice" and billing.pays_with(contract) is None
    wanted = sub["trial_settings"]["end_behavior"]["missing_payment_method"]
    if not missing or wanted == "create_invoice":
        return True
    if wanted == "cancel":
        ends.become_canceled(contract, reason=None)
    else:
        pauses.become_paused(contract, "trial_end_without_payment_method")
    return False

"""A trial ends: by itself, or because somebody ends it now.

Source: https://docs.stripe.com/billing/subscriptions/trials. Where nothing would pay, the
subscription's own settings say what becomes of it; that an end by hand heeds them too is what
Stripe's command-line tool relies on.
"""

from tallygate_sandbox.subscriptions import billing, ends, pauses
from tallygate_sandbox.subscriptions.subscription import Contract


def end_trial(contract: Contract) -> bool:
    """Become active, or what was wanted when there is nothing to pay with; False ends it there."""
    sub = contract.sub
    sub["status"] = "active"
    missing = sub["collection_method"] != "send_invoice" and billing.pays_with(contract) is None
    wanted = sub["trial_settings"]["end_behavior"]["missing_payment_method"]
    if not missing or wanted == "create_invoice":
        return True
    if wanted == "cancel":
        ends.become_canceled(contract, reason=None)
    else:
        pauses.become_paused(contract, "trial_end_without_payment_method")
    return False

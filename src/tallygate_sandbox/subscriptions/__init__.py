"""What a customer has subscribed to, from the first day to the last.

Owns: subscriptions and their items, trials, renewals, changes and their proration, prebilling,
pauses, ends and the reasons for them, schedules, and previews of the next invoice.

Does not own: an invoice once its lines are said (invoices), usage (meters), what a quantity costs
(money).

Laws: licensed items are billed in advance, metered ones in arrears and again when the draft is
finalized; items whose periods end at one instant share an invoice; a preview is made by the
functions that make the invoice; canceled and incomplete_expired are final.

Assumed, as neither traffic nor documentation says so: in flexible mode a metered line without
usage is left out unless a first tier has a flat fee, yet a cycle with a metered item makes a
draft, so that late usage finds one; a subscription that ends at a boundary leaves its last draft
to its hour of grace; usage after the end is not billed; a metered item added within a period is
billed from that moment on; a line of a trial, which costs nothing, uses up what holds `once`.
"""

from tallygate_sandbox.subscriptions import (
    ends,
    feedback_options,
    item_calls,
    listing,
    migration,
    pauses,
    previews,
    renewal,
    schedule_lists,
    schedules,
    statuses,
    taxed,
    thresholds,
    updates,
)
from tallygate_sandbox.subscriptions.creation import create

__all__ = [
    "create",
    "ends",
    "feedback_options",
    "item_calls",
    "listing",
    "migration",
    "pauses",
    "previews",
    "renewal",
    "schedule_lists",
    "schedules",
    "statuses",
    "taxed",
    "thresholds",
    "updates",
]

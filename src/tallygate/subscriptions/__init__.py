"""Who is on which plan since when?

Owns: the billing calendar (boundaries, what falls due at each), the life cycle, plan changes.

Does not own: amounts, invoices, what was used, or whether a customer has paid.

Laws: boundaries are counted from the anchor, never from the boundary before; a period is
half-open, so that periods have no gaps and no overlaps; an upgrade happens at once, anything else
at the end of the base's period unless asked otherwise; the anchor moves only when a free plan
becomes a paid one.
"""

from tallygate.subscriptions.calendar import due, next_boundary, phase_at, window
from tallygate.subscriptions.change import cancel, change_plan, resume
from tallygate.subscriptions.life import begin, status

__all__ = [
    "begin",
    "cancel",
    "change_plan",
    "due",
    "next_boundary",
    "phase_at",
    "resume",
    "status",
    "window",
]

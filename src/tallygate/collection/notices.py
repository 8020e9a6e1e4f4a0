"""What is to be told to a customer, or to the operator?

A notice is written down in the transaction in which its cause is adopted, once for its key, and
told afterwards by whoever delivers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

NoticeKind = Literal[
    "payment_failed",
    "payment_needs_action",
    "payment_recovered",
    "trial_ends",
    "invoice_held",
    "subscription_ended",
]
NoticeState = Literal["queued", "sent"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be told once: two notices of the same `key` are the same one.

    `invoice` is ours that it is about. `facts` are what it says, as texts: instants as RFC 3339.
    """

    id: str
    organization: str
    billing_account: str
    kind: NoticeKind
    key: str
    created_at: datetime
    invoice: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    state: NoticeState = "queued"

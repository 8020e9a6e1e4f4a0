"""Who is on which plan since when?

A subscription is a chain of phases, each on one plan of one catalog version. A change ends a
phase and begins the next at the same instant; the anchor stays.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from tallygate.catalog.model import Interval

Status = Literal["trialing", "active", "canceled"]


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch on one plan, from `since` until `until` (None: open).

    `anchor` is set where the phase's boundaries were counted from another instant than the
    subscription's anchor of today.
    """

    plan: str
    interval: Interval
    catalog_version: int
    since: datetime
    until: datetime | None = None
    anchor: datetime | None = None


@dataclass(frozen=True, slots=True)
class Redemption:
    """A coupon that a subscription carries, since when, and which invoice spent a `once` coupon.

    A foreseen invoice, that has no id, is named by the instant that it is dated. The terms are
    those of the catalog version under which the coupon was redeemed.
    """

    coupon: str
    redeemed_at: datetime
    spent_by: str | None = None
    catalog_version: int = 0


@dataclass(frozen=True, slots=True)
class Subscription:
    """A billing account's contract.

    `anchor` is the instant from which boundaries are counted (a trial's end, where there is one).
    `billed_until` is the last boundary that was closed. `phases` run without gap from
    `started_at`; a scheduled change is a phase that begins in the future. `cancel_at` is a
    scheduled end, `ended_at` one that came; `refund` says that at an end within a period the
    rest of what was paid in advance is given back; `closed`, that the end was invoiced.
    """

    id: str
    organization: str
    billing_account: str
    currency: str
    started_at: datetime
    anchor: datetime
    billed_until: datetime
    phases: tuple[Phase, ...]
    trial_end: datetime | None = None
    cancel_at: datetime | None = None
    ended_at: datetime | None = None
    redemptions: tuple[Redemption, ...] = field(default=())
    revision: int = 0
    refund: bool = False
    closed: bool = False

"""What do we keep of our dealings with a payment provider?

A purchase (a wish to subscribe, until it is paid for or given up), the link between a subscription
of ours and the provider's, how far each invoice has come, and the totals of usage that were
reported. All of it belongs to a billing account, and through it to a tenant.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tallygate.catalog.model import Interval
from tallygate.core.period import Period

Way = Literal["checkout", "direct", "link"]
PurchaseState = Literal["open", "begun", "expired", "refused"]


@dataclass(frozen=True, slots=True)
class Purchase:
    """A wish to subscribe. `subscription` is ours once it has begun, `provider_id` the provider's.

    `session` is that of a checkout, `url` is where one pays. An account has one open at most.
    """

    id: str
    organization: str
    billing_account: str
    plan: str
    interval: Interval
    currency: str
    catalog_version: int
    way: Way
    created_at: datetime
    coupons: tuple[str, ...] = ()
    trial_days: int = 0
    state: PurchaseState = "open"
    subscription: str | None = None
    provider_id: str | None = None
    session: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Mirror:
    """A subscription of ours and the provider's of it, as it was seen last.

    `status` is the provider's word. `cancel_at` is the end that both sides agreed on last: where
    only one of them differs from it now, that one has changed its mind.
    """

    subscription: str
    organization: str
    billing_account: str
    provider_id: str
    status: str
    looked_at: datetime
    cancel_at: datetime | None = None
    end_reason: str | None = None


CollectedState = Literal[
    "waiting",  # for the provider's draft, or for its confirmation of totals
    "held",  # the two differ, or it was not confirmed in time: an operator decides
    "open",  # final there, and not paid
    "paid",
    "uncollectible",
    "void",
    "nothing",  # there is nothing to collect
]
SETTLED: frozenset[CollectedState] = frozenset(("paid", "uncollectible", "void", "nothing"))


@dataclass(frozen=True, slots=True)
class Collected:
    """How far an invoice of ours has come at the provider, on which invoices of its.

    `total` is ours, before tax. `overdue_since` is when its payment first failed, or its day of
    payment passed, while it is open. `differences` are sentences for the operator, line by line.
    `approved`: an operator wants it finalized as it is there, in spite of them. `shortfall` is
    what the provider's final invoices lack of ours (below zero: have too much); `carried_by` names
    the later invoice of ours whose provider invoice makes up for it.
    """

    invoice: str
    organization: str
    billing_account: str
    subscription: str
    currency: str
    dated: datetime
    total: int
    state: CollectedState
    since: datetime
    provider_invoices: tuple[str, ...] = ()
    attempts: int = 0
    next_attempt: datetime | None = None
    overdue_since: datetime | None = None
    paid_at: datetime | None = None
    amount_due: int = 0
    amount_paid: int = 0
    tax: int = 0
    number: str | None = None
    hosted_url: str | None = None
    pdf_url: str | None = None
    differences: tuple[str, ...] = ()
    approved: bool = False
    shortfall: int = 0
    carried_by: str | None = None


TotalState = Literal["waiting", "sent", "confirmed", "failed"]


@dataclass(frozen=True, slots=True)
class ReportedTotal:
    """A revision of the running total of a metered price in a period, in base units.

    `waiting` until it was sent, `confirmed` once the provider showed it, `failed` (`problem` says
    why) where the provider took it and then did not count it.
    """

    subscription: str
    organization: str
    billing_account: str
    customer: str
    price: str
    event: str
    period: Period
    revision: int
    total: int
    stamp: datetime
    identifier: str
    created_at: datetime
    state: TotalState = "waiting"
    sent_at: datetime | None = None
    problem: str | None = None


IntentState = Literal["waiting", "sent", "done", "refused", "superseded"]


@dataclass(frozen=True, slots=True)
class Written:
    """An intent that was written down, before and after it was carried out.

    `identity` is made of all that it says and of how often the account has done the same before;
    with the number of the attempt it makes the idempotency key. `body` is all that it says, as
    JSON. `answer` is the id of what was made.
    """

    id: str
    organization: str
    billing_account: str
    kind: str
    identity: str
    body: str
    sentence: str
    created_at: datetime
    state: IntentState = "waiting"
    attempt: int = 1
    sent_at: datetime | None = None
    answer: str | None = None
    problem: str | None = None

    @property
    def key(self) -> str:
        """The idempotency key of the present attempt."""
        return f"tallygate-{self.identity}-{self.attempt}"

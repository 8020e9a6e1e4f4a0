"""What does a payment provider show of one billing account?

A customer, its subscriptions with their items, and its invoices with their lines, in our words and
in values. Amounts are integers in the minor unit, before tax. What we marked when we made it
carries our own id: that is how an object is recognized, whatever happened to the answer that
told of it. A status that is not known here stays the provider's word: nothing new follows from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from tallygate.collection.held import FoundPrice
from tallygate.core.period import Period

BEGUN = frozenset(("trialing", "active", "past_due", "unpaid", "paused"))
"""Statuses of a subscription that has begun and lives."""

OVER = frozenset(("canceled", "incomplete_expired"))
"""Statuses from which no subscription returns."""

InvoiceStatus = Literal["draft", "open", "paid", "uncollectible", "void"]
SeenKind = Literal["flat", "metered", "proration", "item"]


@dataclass(frozen=True, slots=True)
class SeenCustomer:
    """A customer; `account`, `installation` and `epoch` are our marks, where it has them."""

    id: str
    account: str | None = None
    installation: str | None = None
    epoch: int | None = None
    email: str | None = None
    currency: str | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class SeenItem:
    """An item of a subscription: a price, its quantity (None: metered), its present period."""

    id: str
    price: FoundPrice
    quantity: int | None
    period: Period

    @property
    def key(self) -> str | None:
        """The price key that the item stands for: what its price was made for, or its name."""
        return self.price.made_for or self.price.key


@dataclass(frozen=True, slots=True)
class SeenSchedule:
    """Another set of licensed items from `at` on, by price key with their quantities."""

    id: str
    at: datetime | None
    keys: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeenSubscription:
    """A subscription there; `purchase` and `change` are our marks.

    `change` names the occasion of the last plan change that we made there. `coupons` are in their
    order. `end_reason` is the provider's word for why it ended. `payment_method` is its own, where
    it has one; `has_payment_method` counts the customer's too.
    """

    id: str
    status: str
    started_at: datetime
    anchor: datetime
    items: tuple[SeenItem, ...] = ()
    coupons: tuple[str, ...] = ()
    trial_end: datetime | None = None
    cancel_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: str | None = None
    schedule: SeenSchedule | None = None
    purchase: str | None = None
    change: str | None = None
    has_payment_method: bool = False
    payment_method: str | None = None

    @property
    def lives(self) -> bool:
        """Whether it has begun and not ended; a status that is not known lives."""
        return self.status != "incomplete" and self.status not in OVER


@dataclass(frozen=True, slots=True)
class SeenLine:
    """A line of an invoice there: before discounts, with what each coupon takes off it.

    `key` is the price key, `item` our mark of a line that we put there (unique on its invoice).
    `item_id` is the provider's id of an item that was put there. `quantity` is in whole base
    units.
    """

    kind: SeenKind
    amount: int
    period: Period
    key: str | None = None
    item: str | None = None
    item_id: str | None = None
    quantity: int = 1
    discounts: Mapping[str, int] = field(default_factory=dict)

    @property
    def net(self) -> int:
        """The amount after discounts."""
        return self.amount - sum(self.discounts.values())


@dataclass(frozen=True, slots=True)
class Decline:
    """Why a payment failed: the error's code, the bank's reason, what the network advises."""

    code: str
    reason: str | None = None
    advice: str | None = None


@dataclass(frozen=True, slots=True)
class SeenInvoice:
    """An invoice there; `invoice` is our mark, the occasion of ours that it was made for.

    `boundary` is the instant that a renewal bills (the end of the period that it looks back on;
    None: it bills no boundary), `change` the mark of the plan change that it bills. `advances`:
    the provider goes on with it by itself. `total` is after discounts and before tax.
    """

    id: str
    status: InvoiceStatus
    reason: str
    currency: str
    created_at: datetime
    lines: tuple[SeenLine, ...]
    total: int
    subscription: str | None = None
    boundary: datetime | None = None
    invoice: str | None = None
    change: str | None = None
    number: str | None = None
    advances: bool = True
    finalizes_at: datetime | None = None
    due_at: datetime | None = None
    finalized_at: datetime | None = None
    paid_at: datetime | None = None
    attempts: int = 0
    next_attempt: datetime | None = None
    amount_due: int = 0
    amount_paid: int = 0
    tax: int = 0
    hosted_url: str | None = None
    pdf_url: str | None = None
    decline: Decline | None = None
    needs_action: bool = False

    @property
    def is_final(self) -> bool:
        """Whether its lines can change no more."""
        return self.status != "draft"


@dataclass(frozen=True, slots=True)
class Seen:
    """All that one look showed of a billing account; `at` is when we looked.

    Subscriptions and invoices come oldest first; `invoices` are the latest ones, and those that
    were asked for.
    """

    at: datetime
    customer: SeenCustomer
    subscriptions: tuple[SeenSubscription, ...] = ()
    invoices: tuple[SeenInvoice, ...] = ()

    def subscription(self, id_: str | None) -> SeenSubscription | None:
        """The subscription with this id, if it was seen."""
        return next((one for one in self.subscriptions if one.id == id_), None)

    def invoice(self, id_: str) -> SeenInvoice | None:
        """The invoice with this id, if it was seen."""
        return next((one for one in self.invoices if one.id == id_), None)


@dataclass(frozen=True, slots=True)
class SeenSession:
    """A checkout session; `reference` is what its link's visitor could have changed."""

    id: str
    status: Literal["open", "complete", "expired"]
    paid: bool
    url: str | None = None
    customer: str | None = None
    subscription: str | None = None
    email: str | None = None
    name: str | None = None
    reference: str | None = None
    purchase: str | None = None
    link: str | None = None

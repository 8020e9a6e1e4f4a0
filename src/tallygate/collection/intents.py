"""What can be asked of a payment provider for one billing account?

Each intent is a value that says all it needs, and a sentence for the operator. It is written down
before it is carried out, and is carried out at least once: whoever carries it out makes sure, by a
key and by looking first where a key is not enough, that a second time changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tallygate.collection.held import HeldPrice
from tallygate.core.money import Money
from tallygate.core.period import Period, instant_text


@dataclass(frozen=True, slots=True)
class WantedItem:
    """A price that a subscription is to have, with its quantity; None: it is metered."""

    price: HeldPrice
    quantity: int | None = 1


@dataclass(frozen=True, slots=True)
class OpenCustomer:
    """Make the customer of a billing account, marked with it and with this installation."""

    account: str
    organization: str
    name: str
    email: str | None
    installation: str
    epoch: int

    def __str__(self) -> str:
        return f"Make the customer of {self.account} ({self.name})."


@dataclass(frozen=True, slots=True)
class MarkCustomer:
    """Mark a customer as an account's, of this installation and epoch."""

    customer: str
    account: str
    installation: str
    epoch: int

    def __str__(self) -> str:
        return f"Mark the customer {self.customer} as {self.account}'s, epoch {self.epoch}."


@dataclass(frozen=True, slots=True)
class OpenCheckout:
    """Make a checkout session that sells the flat and counted items of a purchase.

    Metered items join by `ChangeItems` once it is paid for.
    """

    purchase: str
    account: str
    customer: str
    items: tuple[WantedItem, ...]
    currency: str
    success_url: str
    cancel_url: str
    trial_days: int = 0
    coupons: tuple[str, ...] = ()
    automatic_tax: bool = False

    def __str__(self) -> str:
        return f"Open a checkout for the purchase {self.purchase} of {self.account}."


@dataclass(frozen=True, slots=True)
class StartSubscription:
    """Begin a subscription that is incomplete until it is paid for (trials begin at once)."""

    purchase: str
    account: str
    customer: str
    items: tuple[WantedItem, ...]
    currency: str
    trial_days: int = 0
    coupons: tuple[str, ...] = ()
    automatic_tax: bool = False

    def __str__(self) -> str:
        return f"Begin the subscription of the purchase {self.purchase} of {self.account}."


@dataclass(frozen=True, slots=True)
class ChangeItems:
    """Add, remove and count items of a subscription, with nothing prorated.

    `quantities` are by the ids of items, `remove` are ids of items.
    """

    subscription: str
    add: tuple[WantedItem, ...] = ()
    remove: tuple[str, ...] = ()
    quantities: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        said = [f"add {', '.join(one.price.key for one in self.add)}"] if self.add else []
        said += [f"remove {', '.join(self.remove)}"] if self.remove else []
        said += [f"set {name} to {count}" for name, count in self.quantities.items()]
        return f"Change the items of {self.subscription}: {'; '.join(said)}."


@dataclass(frozen=True, slots=True)
class ChangeFlats:
    """Exchange the flat items of a subscription for others at an instant.

    `charged`: the difference for the rest of the period is invoiced at once, by the second. Else
    nothing is prorated, and what is owed is billed by other means. `change` marks the occasion.
    """

    subscription: str
    add: tuple[WantedItem, ...]
    remove: tuple[str, ...]
    at: datetime
    change: str
    charged: bool

    def __str__(self) -> str:
        keys = ", ".join(one.price.key for one in self.add) or "nothing"
        how = "and charge the difference" if self.charged else "without proration"
        return f"Move {self.subscription} to {keys} as of {instant_text(self.at)}, {how}."


@dataclass(frozen=True, slots=True)
class ScheduleFlats:
    """Exchange the flat items of a subscription at a boundary to come; all others stay.

    `items` are the flats from then on, `remove` the ids of those that go: a provider does not tell
    a flat price from a counted one.
    """

    subscription: str
    at: datetime
    items: tuple[WantedItem, ...]
    remove: tuple[str, ...]

    def __str__(self) -> str:
        keys = ", ".join(one.price.key for one in self.items) or "nothing"
        return f"Schedule {keys} on {self.subscription} for {instant_text(self.at)}."


@dataclass(frozen=True, slots=True)
class ReleaseSchedule:
    """Let go of a schedule; the subscription goes on with the items that it has."""

    schedule: str
    subscription: str

    def __str__(self) -> str:
        return f"Release the schedule of {self.subscription}."


@dataclass(frozen=True, slots=True)
class SetEnd:
    """Let a subscription end at an instant; None: let it go on."""

    subscription: str
    at: datetime | None

    def __str__(self) -> str:
        if self.at is None:
            return f"Let {self.subscription} go on: take its end back."
        return f"Let {self.subscription} end on {instant_text(self.at)}."


@dataclass(frozen=True, slots=True)
class CancelSubscription:
    """End a subscription now, with nothing invoiced and nothing prorated there."""

    subscription: str

    def __str__(self) -> str:
        return f"End {self.subscription} now; what it still owes is billed by us."


@dataclass(frozen=True, slots=True)
class HoldDraft:
    """Keep a draft from being finalized by the provider itself."""

    invoice: str

    def __str__(self) -> str:
        return f"Hold the draft {self.invoice} until it has been compared."


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """Make a draft that holds nothing yet, for an invoice of ours, marked with its occasion.

    It is paid by `payment_method`, that of the subscription which it is for, else by the
    customer's.
    """

    customer: str
    invoice: str
    currency: str
    description: str
    payment_method: str | None = None

    def __str__(self) -> str:
        return f"Make a draft for our invoice {self.invoice}."


@dataclass(frozen=True, slots=True)
class PutItem:
    """Put a line of ours on a draft, gross; `item` marks it, unique on the draft."""

    customer: str
    draft: str
    item: str
    amount: Money
    description: str
    period: Period
    product: str | None = None
    discountable: bool = False

    def __str__(self) -> str:
        return f"Put {self.amount} on the draft {self.draft}: {self.description}"


@dataclass(frozen=True, slots=True)
class TakeItem:
    """Take an item of ours off a draft again."""

    item_id: str
    draft: str

    def __str__(self) -> str:
        return f"Take the item {self.item_id} off the draft {self.draft}."


@dataclass(frozen=True, slots=True)
class Finalize:
    """Finalize a draft that agrees with ours; `advances`: and collect it."""

    draft: str
    advances: bool = True

    def __str__(self) -> str:
        how = "and collect it" if self.advances else "without collecting it"
        return f"Finalize the draft {self.draft} {how}."


@dataclass(frozen=True, slots=True)
class GiveCredit:
    """Credit an amount on an invoice that is final there, for a negative invoice of ours."""

    corrects: str
    invoice: str
    amount: Money
    description: str

    def __str__(self) -> str:
        return f"Credit {self.amount} on {self.corrects} for our invoice {self.invoice}."


Intent = (
    OpenCustomer
    | MarkCustomer
    | OpenCheckout
    | StartSubscription
    | ChangeItems
    | ChangeFlats
    | ScheduleFlats
    | ReleaseSchedule
    | SetEnd
    | CancelSubscription
    | HoldDraft
    | OpenInvoice
    | PutItem
    | TakeItem
    | Finalize
    | GiveCredit
)


@dataclass(frozen=True, slots=True)
class Total:
    """The running total of a metered price in a period: base units beyond what is included.

    `stamp` lies inside the whole minutes of the period and rises with each revision of the total;
    `identifier` is unique to the revision.
    """

    customer: str
    event: str
    total: int
    stamp: datetime
    identifier: str

    def __str__(self) -> str:
        return f"Report {self.total} of {self.event} for {self.customer}."

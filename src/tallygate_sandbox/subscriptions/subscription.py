"""The subscription: its fields, how it is shown, and it together with its items.

Source: https://docs.stripe.com/api/subscriptions; fields as recorded and as the SDK types them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tallygate_sandbox.api import expandable
from tallygate_sandbox.subscriptions import items as rows
from tallygate_sandbox.world import Obj, Seen, World, index, view_of
from tallygate_sandbox.world.events import changed_fields
from tallygate_sandbox.world.objects import decode, encode
from tallygate_sandbox.world.world import public

KIND = "subscription"
ENDED = frozenset({"canceled", "incomplete_expired"})
BILLED = frozenset({"active", "trialing", "past_due", "unpaid"})

index(KIND, "customer", "test_clock", "pending_setup_intent")
expandable(
    KIND,
    cancellation_details__feedback_option="billing.feedback_option",
    customer="customer",
    default_payment_method="payment_method",
    discounts="discount",
    latest_invoice="invoice",
    pending_setup_intent="setup_intent",
    schedule="subscription_schedule",
    test_clock="test_helpers.test_clock",
)


@view_of(KIND)
def shown(world: World, sub: Obj) -> Obj:
    """A subscription with the list of its items and its tax rates."""
    view = public(sub)
    found = [world.find(rows.KIND, ident) for ident in sub["_items"]]
    view["items"] = items_list(sub["id"], [world.view(i) for i in found if i is not None])
    rates = [world.find("tax_rate", rate) for rate in sub["default_tax_rates"]]
    view["default_tax_rates"] = [world.view(rate) for rate in rates if rate is not None]
    return dict(sorted(view.items(), key=lambda pair: (pair[0] not in {"id", "object"}, pair[0])))


def items_list(sub: str, views: list[Obj]) -> Obj:
    return {
        "object": "list",
        "data": views,
        "has_more": False,
        "url": f"/v1/subscription_items?subscription={sub}",
    }


@dataclass
class Contract:
    """A subscription and its items, to be changed together.

    `opened` it holds the stored objects, `copied` their copies: what is done to a copy is a
    preview. `keep` stores items that came and removes those that went.
    """

    world: World
    sub: Obj
    items: list[Obj]
    gone: list[Obj] = field(default_factory=list)

    @classmethod
    def opened(cls, world: World, ident: str) -> "Contract":
        """Raises: Refusal, when there is none."""
        sub = world.edit(KIND, ident)
        return cls(world, sub, [world.edit(rows.KIND, one) for one in sub["_items"]])

    @classmethod
    def copied(cls, world: World, ident: str, param: str | None = None) -> "Contract":
        """Raises: Refusal, when there is none."""
        sub = world.get(KIND, ident, param)
        found = [world.get(rows.KIND, one) for one in sub["_items"]]
        return cls(world, _copy(sub), [_copy(one) for one in found])

    @property
    def flexible(self) -> bool:
        return bool(self.sub["billing_mode"]["type"] == "flexible")

    def now(self) -> int:
        return self.world.now(self.sub)

    def price(self, item: Seen) -> Seen:
        return self.world.get("price", item["price"])

    def metered(self, item: Seen) -> bool:
        return rows.metered(self.price(item))

    def add(self, item: Obj) -> None:
        self.items.append(item)

    def drop(self, item: Obj) -> None:
        self.items.remove(item)
        self.gone.append(item)

    def keep(self) -> None:
        """Store what came and remove what went."""
        for item in self.items:
            if self.world.find(rows.KIND, item["id"]) is None:
                self.world.add(item)
        for item in self.gone:
            if self.world.find(rows.KIND, item["id"]) is not None:
                self.world.remove(rows.KIND, item["id"])
        self.gone = []
        self.sub["_items"] = [item["id"] for item in self.items]


def _copy(obj: Seen) -> Obj:
    """A copy in which everything may be changed."""
    copied: Obj = decode(encode(obj))
    return copied


def announce(world: World, sub: Seen, kind: str = "updated") -> None:
    """Log customer.subscription.updated (or another change) with what was before.

    Nothing is logged when nothing changed, nor while a subscription is being created or changed
    by a request that will itself say so.
    """
    if sub.get("_quiet"):
        return
    before = world.objects.before(KIND, sub["id"])
    if before is None:
        return
    previous = changed_fields(public(before), public(sub))
    was, now = (
        _item_rows(world, before["_items"]),
        [world.find(rows.KIND, i) for i in sub["_items"]],
    )
    if [public(item) for item in was] != [public(item) for item in now if item is not None]:
        previous["items"] = items_list(sub["id"], [world.view(item) for item in was])
    if previous:
        world.emit(f"customer.subscription.{kind}", sub, dict(sorted(previous.items())))


def _item_rows(world: World, idents: Sequence[str]) -> list[Obj]:
    """Items as they were before this transaction."""
    found: list[Obj] = []
    for ident in idents:
        before = world.objects.before(rows.KIND, ident)
        now = world.find(rows.KIND, ident)
        if before is not None:
            found.append(before)
        elif now is not None:
            found.append(dict(now))
    return found

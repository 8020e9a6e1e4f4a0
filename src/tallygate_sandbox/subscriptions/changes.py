"""What a change of items, anchor or trial makes of a subscription, and what it costs.

Sources: https://docs.stripe.com/billing/subscriptions/prorations, .../billing-cycle and
.../billing-mode. Classic mode anchors the cycle anew when the interval changes or something free
becomes paid; flexible mode never does by itself. Usage of a metered item that goes, or whose price
changes, is billed in flexible mode (unless nothing is to be prorated) and lost in classic mode.
"""

from dataclasses import dataclass, field
from typing import Any

from tallygate_sandbox.invoices import NewLine
from tallygate_sandbox.subscriptions import items as rows
from tallygate_sandbox.subscriptions import periods, prebilling, proration, rolling, settings
from tallygate_sandbox.subscriptions.creation import check_items
from tallygate_sandbox.subscriptions.lines import Due, due_for, lines_of, with_discounts
from tallygate_sandbox.subscriptions.subscription import Contract
from tallygate_sandbox.subscriptions.trial_ends import end_trial
from tallygate_sandbox.subscriptions.trials import check_end
from tallygate_sandbox.wire.parameters import merged
from tallygate_sandbox.wire.refusals import Refusal, no_such
from tallygate_sandbox.world import Obj, Seen

HOUR = 3600
MOST_QUANTITY_CHANGES = 200


@dataclass
class Outcome:
    """What a change costs: `dues` are billed in full now, `lines` are prorations.

    `at_once` says that it is invoiced now, whatever becomes of prorations otherwise.
    """

    dues: list[Due] = field(default_factory=list)
    lines: list[NewLine] = field(default_factory=list)
    at_once: bool = False


@dataclass
class Change:
    """A change on its way: at which instant it counts, and whether it is prorated."""

    contract: Contract
    at: int
    prorates: bool
    outcome: Outcome = field(default_factory=Outcome)
    anchors: bool = False

    def credit(self, item: Seen, *, last: bool = False) -> None:
        """Give back the rest of what was billed for an item, or bill what it used.

        `last` when it goes for good.
        """
        if not self.prorates:
            return
        if not self.contract.metered(item):
            self.outcome.lines += proration.credits_for(self.contract, item, self.at)
        elif self.contract.flexible and self.contract.sub["status"] != "trialing":
            due = rolling.usage_due(item, self.at, last=last)
            if due.start < due.end or last:
                world, sub = self.contract.world, self.contract.sub
                dues = with_discounts(world, [due], self.contract.now())
                self.outcome.lines += lines_of(world, sub, dues)

    def debit(self, item: Obj) -> None:
        """Charge the rest of the item's period, as it is now."""
        if not self.prorates:
            return
        price, sub = self.contract.price(item), self.contract.sub
        whole = periods.period_at(sub, price, self.at)
        line = proration.debit_for(self.contract, item, self.at, whole)
        if line is not None:
            self.outcome.lines.append(line)
        elif item.get("_prebilled_until") is not None:
            item["_debits"] = []  # of a trial nothing is charged, and the rest was given back
        self.outcome.lines += prebilling.debits_again(self.contract, item)


def apply(contract: Contract, params: dict[str, Any]) -> Outcome:
    """Change a contract as the parameters of an update want; gives what that costs.

    Raises:
        Refusal: what Stripe refuses, such as an unknown item or a date outside the period.
    """
    change = Change(
        contract,
        _instant(contract, params.get("proration_date")),
        prorates=params.get("proration_behavior", "create_prorations") != "none",
    )
    change.anchors = params.get("billing_cycle_anchor", {}).get("type") == "now"
    trial_end = params.get("trial_end")
    if trial_end == "now" and contract.sub["status"] == "trialing":
        if not _end_trial(change, params.get("items")):
            return change.outcome
    else:
        _change_items(change, params.get("items") or [])
        if change.anchors:
            _anchor_anew(change)
        if trial_end not in {None, "now"}:
            _begin_trial(change, trial_end)
    if "billing_schedules" in params:
        ahead = prebilling.bill_ahead(contract, params["billing_schedules"])
        change.outcome.dues += ahead
        change.outcome.at_once = change.outcome.at_once or bool(ahead)
    rolling.follow_period_end(contract)
    return change.outcome


def _instant(contract: Contract, wanted: int | None) -> int:
    if wanted is None:
        return contract.now()
    starts = min(item["current_period_start"] for item in contract.items)
    ends = max(item["current_period_end"] for item in contract.items)
    if not starts <= wanted <= ends:
        raise Refusal(
            "Cannot specify proration_date outside of current subscription period.",
            param="proration_date",
        )
    return wanted


def _change_items(change: Change, wanted: list[dict[str, Any]]) -> None:
    contract = change.contract
    touched: list[tuple[Obj, dict[str, Any], str]] = []
    for number, one in enumerate(wanted):
        place = f"items[{number}]"
        if one.get("id") is None:
            _add(change, one, place)
            continue
        item = next((i for i in contract.items if i["id"] == one["id"]), None)
        if item is None:
            raise no_such("subscription_item", one["id"], f"{place}[id]", status=400)
        if one.get("deleted"):
            change.credit(item, last=True)
            contract.drop(item)
        else:
            touched.append((item, one, place))
    for item, one, place in touched:
        _alter(change, item, one, place)
    if not contract.items:
        raise Refusal(
            "A subscription must have at least one active plan. To cancel the subscription, use "
            "the subscriptions API endpoint.",
            param="items",
        )
    check_items(contract)


def _add(change: Change, wanted: dict[str, Any], place: str) -> None:
    contract, at = change.contract, change.at
    item = rows.new_item(contract.world, contract.sub, wanted, place, contract.now())
    settings.change_item_discounts(contract, item, wanted.get("discounts"), place)
    contract.add(item)
    item["_since"] = at
    _give_period(contract, item, at)
    change.debit(item)


def _give_period(contract: Contract, item: Obj, at: int) -> None:
    """The period in which the instant lies; in a trial, the rest of the trial."""
    sub, price = contract.sub, contract.price(item)
    if sub["status"] == "trialing":
        item |= {
            "current_period_start": sub["trial_start"],
            "current_period_end": sub["trial_end"],
        }
        return
    periods.place_in_period(sub, item, price, at)


def _alter(change: Change, item: Obj, wanted: dict[str, Any], place: str) -> None:
    """Give an item another price, quantity or other field; both sides of it are prorated."""
    contract, world = change.contract, change.contract.world
    old = contract.price(item)
    switches = any(wanted.get(name) for name in ("price", "plan", "price_data"))
    new = rows.price_wanted(world, contract.sub, wanted, place) if switches else old
    switches = new["id"] != old["id"]
    quantity = wanted.get("quantity")
    resized = quantity is not None and quantity != item.get("quantity")
    alter_plainly(contract, item, wanted, place)
    if not switches and quantity is None:
        return
    if not switches and not resized:
        rows.set_quantity(item, new, quantity, place)
        return
    change.credit(item)
    if resized and not switches:
        _count_quantity(contract)
    item["price"] = new["id"]
    rows.set_quantity(item, new, quantity, place)
    if rows.metered(new) and switches:
        item["_since"] = change.at
    if _rhythm(old) != _rhythm(new):
        change.anchors = change.anchors or not contract.flexible
        _give_period(contract, item, change.at)
    elif not contract.flexible and _is_free(old) and not _is_free(new):
        change.anchors = True
    if not change.anchors:
        change.debit(item)


def alter_plainly(contract: Contract, item: Obj, wanted: dict[str, Any], place: str) -> None:
    """Set what moves no money by itself."""
    if "metadata" in wanted:
        item["metadata"] = merged(item["metadata"], wanted["metadata"])
    if "tax_rates" in wanted:
        item["tax_rates"] = rows.rates_wanted(contract.world, wanted, place)
    if "billing_thresholds" in wanted:
        item["billing_thresholds"] = wanted["billing_thresholds"]
    if "discounts" in wanted:
        settings.change_item_discounts(contract, item, wanted["discounts"], place)


def _rhythm(price: Seen) -> tuple[str, int]:
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def _is_free(price: Seen) -> bool:
    return bool(price["billing_scheme"] == "per_unit" and price["unit_amount"] == 0)


def _count_quantity(contract: Contract) -> None:
    """Refuse more than 200 changes of a quantity in an hour."""
    sub, now = contract.sub, contract.now()
    recent = [at for at in sub["_quantity_changes"] if at > now - HOUR]
    if len(recent) >= MOST_QUANTITY_CHANGES:
        raise Refusal(
            f"Subscription {sub['id']} has had {MOST_QUANTITY_CHANGES} quantity updates in the "
            "last hour. Please try again later.",
            status=429,
            type="rate_limit_error",
            code="rate_limit",
            headers={"Stripe-Rate-Limited-Reason": "resource-specific"},
        )
    sub["_quantity_changes"] = [*recent, now]


def _anchor_anew(change: Change) -> None:
    """Begin a full period now for every item; what the old ones had left is given back."""
    contract, at = change.contract, change.at
    if contract.sub["status"] == "trialing":
        raise Refusal(
            "You cannot reset the billing cycle anchor of a subscription in its trial.",
            param="billing_cycle_anchor",
        )
    for item in contract.items:
        if contract.metered(item):
            due = rolling.usage_due(item, at)
            change.outcome.dues += [due] if due.start < due.end else []
        elif not _credited(change, item):
            change.credit(item)
    periods.anchor_to(contract.sub, at)
    _begin_full(change)


def _credited(change: Change, item: Seen) -> bool:
    return any(
        line.subscription_item == item["id"] and line.amount < 0 for line in change.outcome.lines
    )


def _begin_full(change: Change) -> None:
    """Give each item the period that begins now, and bill the licensed ones for it."""
    contract, at = change.contract, change.at
    for item in contract.items:
        start, end = periods.period_at(contract.sub, contract.price(item), at)
        item |= {"current_period_start": start, "current_period_end": end, "_since": at}
        item |= {"_debits": [], "_prebilled_until": None}
        # What was to be charged for a part is now charged as a whole.
        change.outcome.lines = [
            line
            for line in change.outcome.lines
            if line.subscription_item != item["id"] or line.amount < 0 or line.metered
        ]
        if not contract.metered(item):
            change.outcome.dues.append(due_for(item, start, end))
    change.outcome.at_once = True


def _begin_rest(change: Change) -> None:
    """Bill the licensed items for what is left of the periods that run already."""
    contract, at = change.contract, change.at
    for item in contract.items:
        whole = periods.period_at(contract.sub, contract.price(item), at)
        item |= {"current_period_start": at, "current_period_end": whole[1], "_since": at}
        item["_debits"] = []
        if not contract.metered(item):
            part = whole if at != whole[0] else None
            change.outcome.dues.append(due_for(item, at, whole[1], whole=part))
    change.outcome.at_once = True


def _end_trial(change: Change, wanted: list[dict[str, Any]] | None) -> bool:
    """End the trial now: the first paid period begins, for the items as they are then.

    False where the subscription ends with it, or is paused: nothing is given back then.
    """
    contract, sub = change.contract, change.contract.sub
    ahead, given_back = prebilling.take_back(contract)
    _change_items(change, wanted or [])
    sub["trial_end"] = change.at
    if not end_trial(contract):
        return False
    if settings.keeps_anchor(sub):
        _begin_rest(change)
    else:
        periods.anchor_to(sub, change.at)
        _begin_full(change)
    change.outcome.lines += given_back
    change.outcome.dues += prebilling.dues_again(contract, ahead)
    return True


def _begin_trial(change: Change, end: int) -> None:
    """Begin a trial, or let it end at another instant; its end is the new anchor."""
    contract, sub = change.contract, change.contract.sub
    check_end(end, contract.now())
    ahead: dict[str, int] = {}
    if sub["status"] == "trialing":
        ahead, given_back = prebilling.take_back(contract)
        change.outcome.lines += given_back
    else:
        for item in contract.items:
            change.credit(item)
            item |= {"current_period_start": change.at, "_since": change.at, "_debits": []}
            item["_prebilled_until"] = None
        sub |= {"status": "trialing", "trial_start": change.at}
    sub["trial_end"] = end
    if not settings.keeps_anchor(sub):
        periods.anchor_to(sub, end)
    for item in contract.items:
        item["current_period_end"] = end
    change.outcome.dues += prebilling.dues_again(contract, ahead)
    change.outcome.at_once = change.outcome.at_once or bool(change.outcome.dues)

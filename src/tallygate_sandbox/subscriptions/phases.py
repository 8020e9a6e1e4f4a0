"""Phases of a schedule: what a subscription holds from one date to the next.

Source: https://docs.stripe.com/billing/subscriptions/subscription-schedules. A phase that begins
where periods end changes the items between the two; one that begins within a period is prorated as
an update would be.
"""

from typing import Any

from tallygate_sandbox.subscriptions import changes, settings
from tallygate_sandbox.subscriptions import items as rows
from tallygate_sandbox.subscriptions.changes import Outcome
from tallygate_sandbox.subscriptions.subscription import Contract
from tallygate_sandbox.world import Obj, Seen

KIND = "subscription_schedule"
SETTINGS = (
    *("billing_thresholds", "collection_method", "default_payment_method", "default_tax_rates"),
    *("description", "metadata"),
)
INVOICES = ("account_tax_ids", "custom_fields", "description", "footer")


def enter_if_due(contract: Contract, at: int) -> bool:
    """At a renewal, take over the items of a phase that begins at this instant."""
    phase = due_phase(contract, at)
    if phase is None or any(item["current_period_end"] > at for item in contract.items):
        return False
    take_over(contract, phase, at)
    return True


def take_over(contract: Contract, phase: Seen, at: int) -> None:
    """Take over a phase where nothing is prorated: between two periods, or while paused."""
    _note(contract, phase)
    _swap(contract, phase, at)


def enter(contract: Contract, phase: Seen) -> Outcome:
    """Within a period, change to the items of a phase; gives what that costs."""
    _note(contract, phase)
    params: dict[str, Any] = {"items": as_update(contract, phase)}
    params["proration_behavior"] = phase["proration_behavior"]
    if phase["billing_cycle_anchor"] == "phase_start":
        params["billing_cycle_anchor"] = {"type": "now"}
    trial_end = phase["end_date"] if phase.get("trial") else phase["trial_end"]
    if trial_end is not None and trial_end > contract.now():
        params["trial_end"] = trial_end
    return changes.apply(contract, params)


def due_phase(contract: Contract, at: int) -> Seen | None:
    """The phase that holds at an instant, unless the subscription is in it already."""
    schedule = contract.world.find(KIND, contract.sub["schedule"])
    if schedule is None:
        return None
    found = next((p for p in schedule["phases"] if p["start_date"] <= at < p["end_date"]), None)
    if found is None or found["start_date"] == contract.sub.get("_phase"):
        return None
    return dict(found)


def as_update(contract: Contract, phase: Seen) -> list[dict[str, Any]]:
    """The items of an update that leads to a phase: kept, added and deleted ones."""
    wanted = {one["price"]: one for one in phase["items"]}
    changed: list[dict[str, Any]] = []
    spare = [item for item in contract.items if item["price"] not in wanted]
    for item in contract.items:
        if item["price"] in wanted:
            one = wanted.pop(item["price"])
            changed.append({"id": item["id"]} | _told(one))
    for price, one in wanted.items():
        # What is replaced keeps its item, as when a plan is exchanged for another.
        place = {"id": spare.pop(0)["id"]} if spare else {}
        changed.append(place | {"price": price} | _told(one))
    return changed + [{"id": item["id"], "deleted": True} for item in spare]


def _told(one: Seen) -> dict[str, Any]:
    """What a phase says of an item beside its price."""
    counted = {"quantity": one["quantity"]} if one.get("quantity") is not None else {}
    return counted | dict(one.get("_said") or {})


def settings_of(phase: Seen) -> dict[str, Any]:
    """The settings of a subscription that a phase has, as an update takes them."""
    wanted = {name: phase[name] for name in SETTINGS if phase.get(name)}
    told = phase["invoice_settings"] or {}
    if told.get("days_until_due") is not None:
        wanted["days_until_due"] = told["days_until_due"]
    if of_invoices := {name: told[name] for name in INVOICES if told.get(name)}:
        wanted["invoice_settings"] = of_invoices
    if phase.get("_taxed"):
        wanted["automatic_tax"] = {"enabled": phase["automatic_tax"]["enabled"]}
    return wanted


def without_discounts_of(phase: Seen, before: Seen | None) -> Obj:
    """A phase, less the discounts that it had before: those are redeemed already."""
    if before is None:
        return dict(phase)
    had = {item["price"]: (item.get("_said") or {}).get("discounts") for item in before["items"]}
    items: list[Obj] = []
    for item in phase["items"]:
        said = dict(item.get("_said") or {})
        if said.get("discounts") == had.get(item["price"]):
            said.pop("discounts", None)
        items.append({**item, "_said": said})
    same = phase["_discounts"] == before["_discounts"]
    return {**phase, "items": items, "_discounts": [] if same else phase["_discounts"]}


def _note(contract: Contract, phase: Seen) -> None:
    sub = contract.sub
    sub["_phase"] = phase["start_date"]
    wanted = settings_of(phase)
    settings.change_settings(contract.world, sub, wanted)
    if phase["_discounts"]:
        settings.change_discounts(contract, phase["_discounts"])


def _swap(contract: Contract, phase: Seen, at: int) -> None:
    """Between two periods nothing is prorated: the next one is simply billed for other items."""
    world, sub = contract.world, contract.sub
    for number, one in enumerate(as_update(contract, phase)):
        place = f"items[{number}]"
        item = next((i for i in contract.items if i["id"] == one.get("id")), None)
        if item is None:
            contract.add(_fresh(contract, one, place, at))
        elif one.get("deleted"):
            contract.drop(item)
        else:
            price = world.get("price", str(one.get("price", item["price"])))
            item["price"] = price["id"]
            quantity = one.get("quantity")
            if quantity is None and not rows.metered(price):
                quantity = item.get("quantity", 1)
            rows.set_quantity(item, price, quantity, place)
            changes.alter_plainly(contract, item, one, place)
    if phase["billing_cycle_anchor"] == "phase_start":
        sub |= {"billing_cycle_anchor": at, "_grid": at}


def _fresh(contract: Contract, one: dict[str, Any], place: str, at: int) -> Obj:
    """A new item whose first period is the one that begins now."""
    item = rows.new_item(contract.world, contract.sub, one, place, at)
    settings.change_item_discounts(contract, item, one.get("discounts"), place)
    item |= {"current_period_start": at, "current_period_end": at, "_since": at}
    return item

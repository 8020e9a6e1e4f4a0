"""From one period to the next, and what each is billed for."""

from tallygate_sandbox.subscriptions import periods, prebilling
from tallygate_sandbox.subscriptions.lines import Due, due_for
from tallygate_sandbox.subscriptions.subscription import Contract
from tallygate_sandbox.world import Obj, Seen


def roll(contract: Contract, at: int) -> list[Due]:
    """Give the items whose period is over their next one, and say what is billed for both."""
    return arrears(contract, at) + advance(contract, at)


def looks_back_to(contract: Contract, at: int) -> int:
    """Where the period begins that an invoice at this instant looks back on.

    It is that of the items whose period is over: a month beside a year is a month. Source: the
    SDK on Invoice.period_start.
    """
    over = [item for item in contract.items if item["current_period_end"] <= at]
    return min(int(item["current_period_start"]) for item in over or contract.items)


def arrears(contract: Contract, at: int) -> list[Due]:
    """The usage of periods that are over; in a trial it was free."""
    dues: list[Due] = []
    for item in contract.items:
        over = item["current_period_end"]
        if over > at or not contract.metered(item):
            continue
        if not free_until(contract, over):
            dues.append(usage_due(item, over))
        item |= {"_since": over, "billed_until": over}
    return dues


def advance(contract: Contract, at: int) -> list[Due]:
    """Begin the next period of each item whose period is over; licensed ones are billed for it."""
    dues: list[Due] = []
    for item in contract.items:
        over = item["current_period_end"]
        if over > at:
            continue
        whole = periods.period_at(contract.sub, contract.price(item), at)
        item |= {"current_period_start": max(whole[0], over), "current_period_end": whole[1]}
        if not contract.metered(item):
            dues += next_due(contract, item, whole)
    follow_period_end(contract)
    return dues


def next_due(contract: Contract, item: Obj, whole: tuple[int, int]) -> list[Due]:
    """A licensed item's next period, less what lies behind the subscription's end.

    Nothing of it is due that was billed ahead.
    """
    start, end = item["current_period_start"], item["current_period_end"]
    cancels = contract.sub["cancel_at"]
    if cancels is not None and start < cancels < end:
        end = cancels
    part = prebilling.open_part(item, start, end)
    return [due_for(item, *part, whole=whole if part != whole else None)] if part else []


def usage_due(item: Seen, until: int, *, last: bool = False) -> Due:
    """A metered item's usage since its period began, or since it was added, until an instant.

    The `last` one reads that second too: what was used in it is billed by nothing else.
    """
    start = max(item["current_period_start"], item["_since"])
    return due_for(item, start, until, through=last)


def free_until(contract: Contract, at: int) -> bool:
    """Was the period that ends at this instant a trial?"""
    end = contract.sub["trial_end"]
    return bool(end is not None and at <= end)


def follow_period_end(contract: Contract) -> None:
    """`cancel_at_period_end` keeps following the earliest end of an item's period."""
    if contract.sub["cancel_at_period_end"]:
        ending = min(item["current_period_end"] for item in contract.items)
        contract.sub["cancel_at"] = ending


def usage_until(contract: Contract, at: int, *, last: bool = False) -> list[Due]:
    """The open usage of every metered item; none in a trial."""
    if contract.sub["status"] == "trialing":
        return []
    dues = [usage_due(item, at, last=last) for item in contract.items if contract.metered(item)]
    return [due for due in dues if due.start < at or (last and due.start == at)]


def plan_pending(sub: Obj, now: int) -> None:
    """Set when pending items are billed next, where an interval is wanted for that."""
    wanted = sub["pending_invoice_item_interval"]
    sub["next_pending_invoice_item_invoice"] = (
        periods.after_interval(now, wanted["interval"], wanted["interval_count"])
        if wanted
        else None
    )

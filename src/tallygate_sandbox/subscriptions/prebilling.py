"""Prebilling: `billing_schedules` bill several periods of licensed items before they begin.

Source: https://docs.stripe.com/billing/subscriptions/prebilling and the SDK's types: flexible mode
only, not before the end of a present period.

Assumed: a duration is counted from the start of the present period; each period is a line of its
own; a change of such an item gives back and bills again all that was billed ahead; an end within
a period bills that part, and the rest when the period begins; a pause forgets it.

Assumed of a trial, of which the documentation says nothing: the periods after its end are billed
at once, as everywhere; a duration is counted from that end, for the trial is free; a trial that is
moved or ended by hand gives back and bills again, up to the instant that was meant before.
"""

import re
from collections.abc import Iterable
from typing import Any

from tallygate_sandbox.invoices import NewLine
from tallygate_sandbox.subscriptions import periods, proration
from tallygate_sandbox.subscriptions.lines import Due, due_for
from tallygate_sandbox.subscriptions.subscription import Contract
from tallygate_sandbox.wire.refusals import Refusal, missing_param
from tallygate_sandbox.world import Obj, Seen

MOST_INTERVALS, FARTHEST = 1000, 20 * 366 * 86_400
KEY = re.compile(r"[A-Za-z0-9]{1,200}\Z")
PLACE = "billing_schedules"

Params = dict[str, Any]


def bill_ahead(contract: Contract, wanted: list[Params] | None) -> list[Due]:
    """Set the schedules, and say what they bill now; None clears them and bills nothing.

    Raises:
        Refusal: classic mode, a price that is not subscribed to, too early an end.
    """
    if wanted and not contract.flexible:
        raise Refusal("`billing_schedules` require flexible billing mode.", param=PLACE)
    contract.sub["billing_schedules"] = [
        _schedule(contract, one, f"{PLACE}[{number}]") for number, one in enumerate(wanted or [])
    ]
    keys = [one["key"] for one in contract.sub["billing_schedules"]]
    if len(set(keys)) < len(keys):
        raise Refusal("The key of each billing schedule is its own.", param=PLACE)
    return [due for item in contract.items for due in _ahead(contract, item)]


def _schedule(contract: Contract, wanted: Params, place: str) -> Obj:
    until = wanted.get("bill_until")
    if not until:
        raise missing_param(f"{place}[bill_until]")
    applies = wanted.get("applies_to") or None
    reached = [item for item in contract.items if _reaches(contract, item, applies)]
    named = {one.get("price") for one in applies or []}
    if not reached or named - {item["price"] for item in reached}:
        raise Refusal(
            "A billing schedule applies to licensed prices of the subscription.",
            param=f"{place}[applies_to]",
        )
    key = wanted.get("key") or contract.world.ids.token(24)
    if not KEY.match(key):
        raise Refusal("A key has up to 200 letters and digits.", param=f"{place}[key]")
    at = _end(until, _counted_from(contract, reached), f"{place}[bill_until]")
    if at > contract.now() + FARTHEST:
        raise Refusal("`bill_until` is too far away.", param=f"{place}[bill_until]")
    if any(at < item["current_period_end"] for item in reached):
        raise Refusal(
            "`bill_until` cannot be before the end of an item's current period.",
            param=f"{place}[bill_until]",
        )
    duration = until.get("duration")
    return {
        "applies_to": [{"price": one["price"], "type": "price"} for one in applies]
        if applies
        else None,
        "bill_until": {
            "computed_timestamp": at,
            "duration": {"interval_count": 1} | duration if duration else None,
            "timestamp": until.get("timestamp"),
            "type": until["type"],
        },
        "key": key,
    }


def _counted_from(contract: Contract, reached: Iterable[Seen]) -> int:
    """Where a duration begins: with the present period, or with the first that is no trial."""
    if contract.sub["status"] == "trialing":
        return int(contract.sub["trial_end"])
    return min(int(item["current_period_start"]) for item in reached)


def _end(until: Params, start: int, place: str) -> int:
    given = until.get(until["type"])
    if given is None:
        raise missing_param(f"{place}[{until['type']}]")
    if until["type"] == "timestamp":
        return int(given)
    count = given.get("interval_count", 1)
    if not 1 <= count <= MOST_INTERVALS:
        raise Refusal(
            f"A duration has 1 to {MOST_INTERVALS} intervals.",
            param=f"{place}[duration][interval_count]",
        )
    return periods.after_interval(start, given["interval"], count)


def _reaches(contract: Contract, item: Seen, applies: Iterable[Seen] | None) -> bool:
    if contract.metered(item):
        return False
    return applies is None or any(one.get("price") == item["price"] for one in applies)


def _ahead(contract: Contract, item: Obj) -> list[Due]:
    """The periods of an item that are not billed yet, up to the end of its schedules."""
    ends = [
        one["bill_until"]["computed_timestamp"]
        for one in contract.sub["billing_schedules"]
        if _reaches(contract, item, one["applies_to"])
    ]
    done = max(item["current_period_end"], item.get("_prebilled_until") or 0)
    return _dues(contract, item, done, max(ends)) if ends and max(ends) > done else []


def _dues(contract: Contract, item: Obj, start: int, until: int) -> list[Due]:
    item["_prebilled_until"] = until
    return [
        due_for(item, begins, ends, whole=whole if (begins, ends) != whole else None)
        for begins, ends, whole in _parts(contract, item, start, until)
    ]


def _parts(
    contract: Contract, item: Seen, start: int, until: int
) -> list[tuple[int, int, tuple[int, int]]]:
    """From one instant to another, period by period: start, end and the period it is part of."""
    found = []
    while start < until:
        whole = periods.period_at(contract.sub, contract.price(item), start)
        end = min(whole[1], until)
        found.append((start, end, whole))
        start = end
    return found


def take_back(contract: Contract) -> tuple[dict[str, int], list[NewLine]]:
    """Give back what was billed ahead of a trial's end, which moves; forget that it was billed.

    Gives by item until when it was, and the credits.
    """
    until: dict[str, int] = {}
    given_back: list[NewLine] = []
    for item in contract.items:
        if item.get("_prebilled_until") is None:
            continue
        until[item["id"]] = item["_prebilled_until"]
        given_back += proration.credits_for(contract, item, contract.now())
        item |= {"_debits": [], "_prebilled_until": None}
    return until, given_back


def dues_again(contract: Contract, until: dict[str, int]) -> list[Due]:
    """What is billed ahead once more, now that the trial ends elsewhere."""
    return [
        due
        for item in contract.items
        if until.get(item["id"], 0) > item["current_period_end"] and not contract.metered(item)
        for due in _dues(contract, item, item["current_period_end"], until[item["id"]])
    ]


def debits_again(contract: Contract, item: Obj) -> list[NewLine]:
    """What was billed ahead of an item, billed once more as the item is now."""
    until, lines = item.get("_prebilled_until"), []
    if until is None or contract.metered(item):
        return []
    for start, end, whole in _parts(contract, item, item["current_period_end"], until):
        line = proration.part_for(contract, item, (start, end), whole)
        debit = {"start": start, "end": end, "amount": line.amount, "invoice": None}
        item["_debits"] = [*item["_debits"], debit]
        item["billed_until"] = end
        lines.append(line)
    return lines


def open_part(item: Seen, start: int, end: int) -> tuple[int, int] | None:
    """What of a period that begins is still to be billed; None where it was billed ahead."""
    done = max(start, item.get("_prebilled_until") or 0)
    return (done, end) if done < end else None

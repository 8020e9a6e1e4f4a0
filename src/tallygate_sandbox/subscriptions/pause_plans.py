"""`pause_schedules`: a schedule pauses its subscription at an instant, and resumes it at another.

Source: the SDK's types (endive): one entry; what is left out has its default when the entry is
new, and stays as it was when it is changed by its key.

Assumed: phases whose time comes while it is paused are taken over when it resumes; a schedule is
not over while something is planned; a resumption that has to be paid for is tried with what the
customer has; what cannot be done is noted as the entry's error.
"""

from typing import Any

from tallygate_sandbox.subscriptions import pauses, phases, timers, updates
from tallygate_sandbox.subscriptions.periods import after_interval
from tallygate_sandbox.subscriptions.phases import KIND
from tallygate_sandbox.subscriptions.subscription import Contract, announce
from tallygate_sandbox.wire.refusals import Refusal, missing_param, no_such
from tallygate_sandbox.world import Obj, Seen, World, due, when

PAUSE, RESUME = "schedule.pause", "schedule.resume"
PLACE = "pause_schedules"
MOST_INTERVALS = 1000
PAUSED_AS: Obj = {
    "bill_for": {
        "outstanding_usage_through": {"type": "pause_at"},
        "unused_time_from": {"type": "pause_at"},
    },
    "invoicing_behavior": "pending_invoice_item",
    "type": "subscription",
}
RESUMED_AS: Obj = {
    "billing_cycle_anchor": "resume_at",
    "payment_behavior": "resume_on_payment_success",
    "proration_behavior": "create_prorations",
}

Params = dict[str, Any]


def plan(world: World, schedule: Obj, wanted: list[Params] | None) -> None:
    """Set the entry, change it by its key, or clear it; what is to happen now happens.

    Raises:
        Refusal: several entries, an unknown key, classic mode, or instants in the wrong order.
    """
    if not wanted:
        schedule[PLACE] = []
        world.stop_timer(PAUSE, schedule)
        world.stop_timer(RESUME, schedule)
        return
    if len(wanted) > 1:
        raise Refusal("Only one pause schedule is supported.", param=PLACE)
    if schedule["billing_mode"]["type"] != "flexible":
        raise Refusal("Pause schedules require flexible billing mode.", param=PLACE)
    entry = _entry(world, schedule, wanted[0])
    schedule[PLACE] = [entry]
    now = world.now(schedule)
    for part, at, timer, act in (
        ("pause", "pause_at", PAUSE, _pause_now),
        ("resume", "resume_at", RESUME, _resume_now),
    ):
        step = entry[part]
        if step is None or step["status"]["type"] != "scheduled":
            world.stop_timer(timer, schedule)
        elif step[at] <= now:
            act(world, schedule)
        else:
            world.set_timer(timer, schedule, step[at])


def still_to_come(schedule: Seen) -> int | None:
    """The last instant for which something is planned: the schedule is not over before."""
    steps = [(entry["pause"], "pause_at") for entry in schedule[PLACE]]
    steps += [(entry["resume"], "resume_at") for entry in schedule[PLACE] if entry["resume"]]
    waits = {"scheduled": 0, "pending": pauses.WAITS_FOR}
    found = [(step["status"]["type"], int(step[at])) for step, at in steps]
    return max((at + waits[kind] for kind, at in found if kind in waits), default=None)


def _entry(world: World, schedule: Seen, wanted: Params) -> Obj:
    place = f"{PLACE}[0]"
    known: Obj | None = (schedule[PLACE] or [None])[0]
    key = wanted.get("key")
    if known is None or key != known["key"]:
        if known is not None and key is not None:
            raise no_such("pause schedule", key, f"{place}[key]", status=400)
        known = None
    if known is None and not wanted.get("pause"):
        raise missing_param(f"{place}[pause]")
    made: Obj = known or {"key": key or world.ids.token(24), "pause": None, "resume": None}
    now = world.now(schedule)
    made = made | {"pause": _pause(made["pause"], wanted.get("pause") or {}, now, place)}
    if "resume" in wanted:
        sent = wanted["resume"]
        at = made["pause"]["pause_at"]
        made["resume"] = sent and _resume(made["resume"], sent, now, at, f"{place}[resume]")
    return made


def _pause(known: Obj | None, sent: Params, now: int, place: str) -> Obj:
    if known is not None and known["status"]["type"] == "succeeded":
        return known
    settings = (known or {}).get("settings") or PAUSED_AS
    told = sent.get("settings") or {}
    bills = settings["bill_for"] | {k: v for k, v in (told.get("bill_for") or {}).items() if v}
    at = (known or {}).get("pause_at")
    if sent.get("pause_at"):
        at = _instant(sent["pause_at"], now, now, f"{place}[pause][pause_at]")
    if at is None:
        raise missing_param(f"{place}[pause][pause_at]")
    return {
        "pause_at": at,
        "settings": settings | told | {"bill_for": bills},
        "status": {"error": None, "type": "scheduled"},
    }


def _resume(known: Obj | None, sent: Params, now: int, since: int, place: str) -> Obj:
    at = (known or {}).get("resume_at")
    if sent.get("resume_at"):
        at = _instant(sent["resume_at"], now, since, f"{place}[resume_at]")
    if at is None:
        raise missing_param(f"{place}[resume_at]")
    if at <= since:
        raise Refusal("A subscription resumes after it was paused.", param=f"{place}[resume_at]")
    return {
        "resume_at": at,
        "settings": (known or {"settings": RESUMED_AS})["settings"] | (sent.get("settings") or {}),
        "status": {"error": None, "type": "scheduled"},
    }


def _instant(wanted: Params, now: int, since: int, place: str) -> int:
    """An instant as it is told: now, a timestamp, or a duration after another instant."""
    if wanted["type"] == "now":
        return now
    given = wanted.get(wanted["type"])
    if given is None:
        raise missing_param(f"{place}[{wanted['type']}]")
    if wanted["type"] == "timestamp":
        if given < now:
            raise Refusal("The timestamp is in the past.", param=f"{place}[timestamp]")
        return int(given)
    count = given.get("interval_count", 1)
    if not 1 <= count <= MOST_INTERVALS:
        raise Refusal("This duration cannot be.", param=f"{place}[duration][interval_count]")
    return after_interval(since, given["interval"], count)


@due(PAUSE)
def pause(world: World, ident: str) -> None:
    schedule = world.edit(KIND, ident)
    _pause_now(world, schedule)
    world.updated(schedule)


@due(RESUME)
def resume(world: World, ident: str) -> None:
    schedule = world.edit(KIND, ident)
    _resume_now(world, schedule)
    world.updated(schedule)


def _pause_now(world: World, schedule: Obj) -> None:
    """Pause the subscription, or note why that cannot be."""
    step, contract = schedule[PLACE][0]["pause"], _contract(world, schedule)
    if contract is None or contract.sub["status"] not in pauses.PAUSABLE:
        _note(step, "The subscription cannot be paused.")
        return
    bills = {
        name: {"type": told["type"].replace("pause_at", "now")}
        for name, told in step["settings"]["bill_for"].items()
    }
    behavior = step["settings"]["invoicing_behavior"]
    pauses.pause_now(contract, {"bill_for": bills, "invoicing_behavior": behavior})
    step["status"] = {"error": None, "type": "succeeded"}


def _resume_now(world: World, schedule: Obj) -> None:
    """Resume the subscription in the phase that holds by now, or note why that cannot be."""
    step, contract = schedule[PLACE][0]["resume"], _contract(world, schedule)
    if contract is None or contract.sub["status"] != "paused":
        _note(step, "The subscription is not paused.")
        return
    now, told = contract.now(), step["settings"]
    phase = phases.due_phase(contract, now)
    if phase is not None:
        phases.take_over(contract, phase, now)
        contract.keep()
    anchor = "now" if told["billing_cycle_anchor"] == "resume_at" else "unchanged"
    pauses.resume_now(contract, told | {"billing_cycle_anchor": {"type": anchor}})
    if contract.sub["status"] == "paused":
        # Nobody is there to pay for it: what the customer has is tried.
        updates.collect(contract, world.get("invoice", contract.sub["latest_invoice"]))
        announce(world, contract.sub)
        timers.set_for(contract)
    waits = contract.sub["status"] == "paused"
    step["status"] = {"error": None, "type": "pending" if waits else "succeeded"}


@when("customer.subscription.resumed")
def has_resumed(world: World, sub: Seen) -> None:
    """What waited for its payment is done."""
    schedule = world.find(KIND, sub["schedule"])
    if schedule is None or not schedule[PLACE] or schedule[PLACE][0]["resume"] is None:
        return
    if schedule[PLACE][0]["resume"]["status"]["type"] == "pending":
        changed = world.edit(KIND, schedule["id"])
        changed[PLACE][0]["resume"]["status"] = {"error": None, "type": "succeeded"}
        world.updated(changed)


def _contract(world: World, schedule: Seen) -> Contract | None:
    ident = schedule["subscription"]
    return Contract.opened(world, ident) if ident and schedule["status"] == "active" else None


def _note(step: Obj, message: str) -> None:
    step["status"] = {"error": {"code": None, "message": message}, "type": "error"}

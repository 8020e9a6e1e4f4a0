"""Subscription schedules: phases that follow one another by themselves.

Source: https://docs.stripe.com/api/subscription_schedules.
"""

from typing import Any

from tallygate_sandbox.api import Call, endpoint, expandable
from tallygate_sandbox.customers.customers import existing
from tallygate_sandbox.subscriptions import (
    creation,
    ends,
    pause_plans,
    phases,
    renewal,
    timers,
    updates,
)
from tallygate_sandbox.subscriptions.planned import (
    DEFAULTS,
    PHASES,
    changed_defaults,
    default_settings,
    planned,
    take_from,
)
from tallygate_sandbox.subscriptions.subscription import ENDED, Contract, announce
from tallygate_sandbox.subscriptions.subscription import KIND as SUBSCRIPTION
from tallygate_sandbox.wire.parameters import merged
from tallygate_sandbox.wire.refusals import Refusal, missing_param
from tallygate_sandbox.world import Obj, Seen, World, due, index, view_of, when
from tallygate_sandbox.world.world import public

KIND = phases.KIND
LIVING = frozenset({"not_started", "active"})

index(KIND, "customer", "subscription")
expandable(
    KIND, customer="customer", subscription="subscription", test_clock="test_helpers.test_clock"
)


@view_of(KIND)
def shown(world: World, schedule: Obj) -> Obj:
    """A schedule; its phases and their items with whole tax rates."""
    view = public(schedule)
    view["phases"] = [_phase_shown(world, phase) for phase in schedule["phases"]]
    return view


def _phase_shown(world: World, phase: Seen) -> Obj:
    def rates(idents: list[str]) -> list[Obj]:
        return [world.view(world.get("tax_rate", ident)) for ident in idents]

    items = [public(item) | {"tax_rates": rates(item["tax_rates"])} for item in phase["items"]]
    return public(phase) | {
        "default_tax_rates": rates(phase["default_tax_rates"]),
        "items": items,
    }


@endpoint(
    "POST /v1/subscription_schedules",
    "SubscriptionScheduleCreateParams",
    "customer from_subscription start_date end_behavior metadata billing_mode pause_schedules "
    f"{PHASES} {DEFAULTS}",
)
def create(call: Call) -> Obj:
    world, origin = call.world, call.sent("from_subscription")
    if origin is not None:
        if call.params.keys() - {"from_subscription", "expand"}:
            raise Refusal(
                "You cannot set other parameters if `from_subscription` is set.",
                param="from_subscription",
            )
        return _adopt(world, Contract.opened(world, origin))
    if not call.sent("customer"):
        raise missing_param("customer")
    if not call.sent("phases"):
        raise missing_param("phases")
    customer = existing(world, call.params["customer"], "customer")
    now = world.now(customer)
    start = call.sent("start_date", now)
    start = now if start == "now" else start
    schedule = _new(world, customer, now)
    schedule["billing_mode"] = creation.billing_mode(call.sent("billing_mode"), now)
    schedule["default_settings"] = changed_defaults(
        schedule["default_settings"], call.sent("default_settings", {})
    )
    schedule["end_behavior"] = call.sent("end_behavior", "release")
    schedule["metadata"] = call.sent("metadata", {})
    schedule["phases"] = planned(world, schedule, call.params["phases"], start)
    world.add(schedule)
    world.emit("subscription_schedule.created", schedule)
    if start <= now:
        _start(world, schedule)
    else:
        world.set_timer("schedule.advance", schedule, start)
    pause_plans.plan(world, schedule, call.sent("pause_schedules"))
    return schedule


def _new(world: World, customer: Seen, now: int) -> Obj:
    return {
        "id": world.ids.new("sub_sched"),
        "object": KIND,
        "application": None,
        "billing_mode": None,
        "canceled_at": None,
        "completed_at": None,
        "created": now,
        "current_phase": None,
        "customer": customer["id"],
        "customer_account": None,
        "default_settings": default_settings(),
        "end_behavior": "release",
        "livemode": False,
        "metadata": {},
        "pause_schedules": [],
        "phases": [],
        "released_at": None,
        "released_subscription": None,
        "status": "not_started",
        "subscription": None,
        "test_clock": customer["test_clock"],
    }


def _adopt(world: World, contract: Contract) -> Obj:
    """A schedule for a subscription that exists: one phase, which is its present period."""
    sub = contract.sub
    if sub["schedule"] is not None or sub["status"] in ENDED:
        raise Refusal(
            f"You cannot migrate the subscription {sub['id']}: it has ended, or is attached to a "
            "schedule already.",
            param="from_subscription",
        )
    schedule = _new(world, world.get("customer", sub["customer"]), contract.now())
    phase = take_from(contract)
    schedule |= {"status": "active", "subscription": sub["id"], "phases": [phase]}
    schedule["billing_mode"] = sub["billing_mode"]
    schedule["current_phase"] = _dates(phase)
    world.add(schedule)
    sub |= {"schedule": schedule["id"], "_phase": phase["start_date"]}
    world.emit("subscription_schedule.created", schedule)
    announce(world, sub)
    world.set_timer("schedule.advance", schedule, phase["end_date"])
    return schedule


def _dates(phase: Seen) -> Obj:
    return {"end_date": phase["end_date"], "start_date": phase["start_date"]}


def _start(world: World, schedule: Obj) -> None:
    """Create the subscription of the first phase."""
    phase = schedule["phases"][0]
    wanted: dict[str, Any] = {
        "customer": schedule["customer"],
        "billing_mode": schedule["billing_mode"],
        "items": [
            {k: item[k] for k in ("price", "quantity") if item.get(k) is not None}
            | dict(item.get("_said") or {})
            for item in phase["items"]
        ],
        "discounts": phase["_discounts"] or None,
        "add_invoice_items": phase["_extras"],
        "payment_behavior": "allow_incomplete",
    }
    defaults = schedule["default_settings"]
    wanted |= phases.settings_of(defaults | {n: phase[n] for n in phase if phase[n]})
    if not phase["_taxed"] and defaults["automatic_tax"]["enabled"]:
        wanted["automatic_tax"] = {"enabled": True}
    now = world.now(schedule)
    trial_end = phase["end_date"] if phase.get("trial") else phase["trial_end"]
    if trial_end is not None:
        wanted["trial_end"] = trial_end
    if phase["start_date"] < now:
        wanted["backdate_start_date"] = phase["start_date"]
    # A schedule's invoices are collected like a renewal's: a customer without a card is no error.
    if wanted.get("collection_method") != "send_invoice":
        wanted["payment_behavior"] = "default_incomplete"
    sub = creation.create(world, wanted)
    _attach(world, schedule, Contract.opened(world, sub["id"]))


def _attach(world: World, schedule: Obj, contract: Contract) -> None:
    sub, phase = contract.sub, schedule["phases"][0]
    invoice = world.find("invoice", sub["latest_invoice"])
    sub |= {"schedule": schedule["id"], "_phase": phase["start_date"]}
    if invoice is not None and invoice["status"] == "open":
        updates.collect(contract, invoice)
    schedule |= {"status": "active", "subscription": sub["id"], "current_phase": _dates(phase)}
    _plan_end(schedule, contract)
    announce(world, sub)
    timers.set_for(contract)
    world.emit("subscription_schedule.updated", schedule, {"status": "not_started"})
    world.set_timer("schedule.advance", schedule, phase["end_date"])


def _plan_end(schedule: Obj, contract: Contract) -> None:
    """A schedule that cancels says so on its subscription."""
    cancels = schedule["end_behavior"] == "cancel"
    contract.sub["cancel_at"] = schedule["phases"][-1]["end_date"] if cancels else None


@due("schedule.advance")
def advance(world: World, ident: str) -> None:
    """A phase ends: the next one begins, or the schedule is over."""
    schedule = world.edit(KIND, ident)
    now = world.now(schedule)
    if schedule["status"] == "not_started":
        _start(world, schedule)
        return
    if schedule["status"] != "active":
        return
    contract = Contract.opened(world, schedule["subscription"])
    at_boundary = timers.renews_at(contract)
    if at_boundary is not None and at_boundary <= now:
        renewal.renew(world, contract.sub["id"])
        contract = Contract.opened(world, schedule["subscription"])
    current = next((p for p in schedule["phases"] if p["start_date"] <= now < p["end_date"]), None)
    if current is None:
        later = pause_plans.still_to_come(schedule)
        if later is None or later <= now:
            _finish(world, schedule, contract)
        else:
            world.set_timer("schedule.advance", schedule, later)
        return
    phase = phases.due_phase(contract, now)
    if phase is not None and contract.sub["status"] != "paused":
        _enter(contract, phase)
    schedule["current_phase"] = _dates(current)
    world.updated(schedule)
    world.set_timer("schedule.advance", schedule, current["end_date"])


def _enter(contract: Contract, phase: Seen) -> None:
    """Begin a phase within a period."""
    world, sub = contract.world, contract.sub
    sub["_quiet"] = True
    outcome = phases.enter(contract, phase)
    contract.keep()
    updates.bill(contract, outcome, {"proration_behavior": phase["proration_behavior"]})
    del sub["_quiet"]
    announce(world, sub)
    timers.set_for(contract)


def _finish(world: World, schedule: Obj, contract: Contract) -> None:
    now = world.now(schedule)
    if schedule["end_behavior"] == "cancel":
        schedule |= {"status": "completed", "completed_at": now, "current_phase": None}
        if contract.sub["status"] not in ENDED:
            ends.end_at_boundary(contract)
        world.emit("subscription_schedule.completed", schedule)
        return
    _let_go(world, schedule, contract)


def _let_go(world: World, schedule: Obj, contract: Contract | None) -> None:
    if contract is not None:
        contract.sub["schedule"] = None
        announce(world, contract.sub)
    schedule |= {
        "status": "released",
        "released_at": world.now(schedule),
        "released_subscription": schedule["subscription"],
        "subscription": None,
        "current_phase": None,
    }
    world.stop_timer("schedule.advance", schedule)
    world.emit("subscription_schedule.released", schedule)


@endpoint("GET /v1/subscription_schedules/{id}", "SubscriptionScheduleRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint(
    "POST /v1/subscription_schedules/{id}",
    "SubscriptionScheduleUpdateParams",
    f"end_behavior metadata pause_schedules proration_behavior {PHASES} {DEFAULTS}",
)
def update(call: Call) -> Obj:
    """Change what is to come; a change of the present phase changes the subscription now."""
    world = call.world
    schedule = _living(world, call.path["id"])
    if "metadata" in call.params:
        schedule["metadata"] = merged(schedule["metadata"], call.params["metadata"])
    schedule["default_settings"] = changed_defaults(
        schedule["default_settings"], call.sent("default_settings", {})
    )
    schedule["end_behavior"] = call.sent("end_behavior", schedule["end_behavior"])
    before = {phase["start_date"]: phase for phase in schedule["phases"]}
    if call.sent("phases"):
        begun = schedule["phases"][0]["start_date"]
        schedule["phases"] = planned(world, schedule, call.params["phases"], begun)
    if schedule["status"] == "active":
        contract = Contract.opened(world, schedule["subscription"])
        _plan_end(schedule, contract)
        _follow(schedule, contract, before, call.sent("proration_behavior"))
    else:
        world.set_timer("schedule.advance", schedule, schedule["phases"][0]["start_date"])
    if "pause_schedules" in call.params:
        pause_plans.plan(world, schedule, call.params["pause_schedules"])
    world.updated(schedule)
    return schedule


def _follow(
    schedule: Obj, contract: Contract, before: dict[int, Seen], proration: str | None
) -> None:
    """Bring the subscription to the present phase as it is now planned."""
    world, now = contract.world, contract.now()
    current = next((p for p in schedule["phases"] if p["start_date"] <= now < p["end_date"]), None)
    if current is None:
        raise Refusal(
            "The phases must include the current one: it can end now, but not be left out.",
            param="phases",
        )
    phase = phases.without_discounts_of(current, before.get(current["start_date"]))
    if contract.sub["status"] != "paused":
        _enter(contract, phase | {"proration_behavior": proration or "create_prorations"})
    schedule["current_phase"] = _dates(current)
    world.set_timer("schedule.advance", schedule, current["end_date"])


def _living(world: World, ident: str) -> Obj:
    schedule = world.edit(KIND, ident)
    if schedule["status"] not in LIVING:
        raise Refusal(
            "You cannot change a subscription schedule that is currently in the "
            f"`{schedule['status']}` status."
        )
    return schedule


@endpoint(
    "POST /v1/subscription_schedules/{id}/release",
    "SubscriptionScheduleReleaseParams",
    "preserve_cancel_date",
)
def release(call: Call) -> Obj:
    """Let the subscription go on without the schedule."""
    world = call.world
    schedule = _living(world, call.path["id"])
    contract: Contract | None = None
    if schedule["subscription"] is not None:
        contract = Contract.opened(world, schedule["subscription"])
        if not call.sent("preserve_cancel_date"):
            contract.sub["cancel_at"] = None
            timers.set_for(contract)
    _let_go(world, schedule, contract)
    return schedule


@endpoint(
    "POST /v1/subscription_schedules/{id}/cancel",
    "SubscriptionScheduleCancelParams",
    "invoice_now prorate",
)
def cancel(call: Call) -> Obj:
    """Cancel the schedule, and the subscription with it; by default with all that is open."""
    world = call.world
    schedule = _living(world, call.path["id"])
    schedule |= {"status": "canceled", "canceled_at": world.now(schedule), "current_phase": None}
    world.stop_timer("schedule.advance", schedule)
    world.emit("subscription_schedule.canceled", schedule)
    if schedule["subscription"] is not None:
        ends.cancel(
            Contract.opened(world, schedule["subscription"]),
            invoice_now=call.params.get("invoice_now", True),
            prorate=call.params.get("prorate", True),
        )
    return schedule


@when("subscription.ended")
def end_with_subscription(world: World, sub: Seen) -> None:
    """A schedule whose subscription was canceled is canceled too."""
    schedule = world.find(KIND, sub["schedule"])
    if schedule is None or schedule["status"] != "active":
        return
    ended = world.edit(KIND, schedule["id"])
    ended |= {"status": "canceled", "canceled_at": world.now(sub), "current_phase": None}
    world.stop_timer("schedule.advance", ended)
    world.emit("subscription_schedule.canceled", ended)


__all__ = ["SUBSCRIPTION", "shown"]

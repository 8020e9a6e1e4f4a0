"""Pausing: no period runs and nothing is billed until it resumes.

Source: https://docs.stripe.com/api/subscriptions/pause and /resume. A flexible subscription is
paused on request; a trial that ends without a payment method pauses either kind. (Paused
*collection* is another matter: it only keeps the invoices from being collected.)
"""

from collections.abc import Mapping
from typing import Any

from tallygate_sandbox import invoices
from tallygate_sandbox.api import Call, endpoint
from tallygate_sandbox.invoices import NewLine
from tallygate_sandbox.subscriptions import billing, periods, rolling, timers
from tallygate_sandbox.subscriptions.lines import Due, due_for, lines_of
from tallygate_sandbox.subscriptions.proration import credits_for, debit_for
from tallygate_sandbox.subscriptions.subscription import KIND, Contract, announce
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World, due, when

WAITED, WAITS_FOR = "subscription.resume_expires", 23 * 3600
WAITING = "pending_invoice_item"
PAUSABLE = frozenset({"active", "trialing", "past_due"})


@endpoint(
    "POST /v1/subscriptions/{id}/pause",
    "SubscriptionPauseParams",
    "bill_for invoicing_behavior type",
)
def pause(call: Call) -> Obj:
    """Pause now: usage so far is billed and unused time credited, unless told otherwise."""
    contract = Contract.opened(call.world, call.path["id"])
    _check_pausable(contract)
    pause_now(contract, call.params)
    return contract.sub


def pause_now(contract: Contract, params: Mapping[str, Any]) -> None:
    """Pause, with `bill_for` and `invoicing_behavior` as the endpoint takes them."""
    world, sub, now = contract.world, contract.sub, contract.now()
    wanted = params.get("bill_for") or {}
    lines = pause_lines(contract, wanted, now)
    sub["_quiet"] = True
    if (params.get("invoicing_behavior") or WAITING) == WAITING:
        for line in lines:
            invoices.add_item(world, customer=sub["customer"], line=line)
    elif lines:
        billing.count_invoice(contract)
        draft = billing.make_draft(
            contract, "subscription_update", [], (now, now), more_lines=lines
        )
        billing.settle(contract, draft, "allow_incomplete")
    del sub["_quiet"]
    _close_accounts(contract, wanted, now)
    become_paused(contract, "pause_requested")


def _close_accounts(contract: Contract, bill_for: Seen, now: int) -> None:
    """What was billed or given back is not billed or given back again while it is paused."""
    for item in contract.items:
        if bill_for.get("outstanding_usage_through", {}).get("type") != "none":
            item["_since"] = now + 1
        if bill_for.get("unused_time_from", {}).get("type") != "none":
            item |= {"_debits": [], "_prebilled_until": None}


def _check_pausable(contract: Contract) -> None:
    sub = contract.sub
    if not contract.flexible:
        raise Refusal("Only subscriptions with billing_mode flexible can be paused.")
    if sub["schedule"] is not None:
        raise Refusal(
            f"The subscription is managed by the subscription schedule `{sub['schedule']}`, and "
            "cannot be paused directly."
        )
    if sub["status"] not in PAUSABLE:
        raise Refusal(f"A subscription with status {sub['status']} cannot be paused.")


def pause_lines(contract: Contract, bill_for: Seen, now: int) -> list[NewLine]:
    """Usage until now, and credits for the time that is left, as `bill_for` wants them."""
    usage = bill_for.get("outstanding_usage_through", {}).get("type", "now")
    unused = bill_for.get("unused_time_from", {}).get("type", "now")
    lines: list[NewLine] = []
    if usage == "now":
        lines += lines_of(
            contract.world, contract.sub, rolling.usage_until(contract, now, last=True)
        )
    for item in contract.items:
        from_start = unused == "item_current_period_start"
        if unused != "none":
            since = item["current_period_start"] if from_start else now
            lines += credits_for(contract, item, since)
    return lines


def become_paused(contract: Contract, why: str) -> None:
    """Stop the periods."""
    world, sub = contract.world, contract.sub
    sub["status"] = "paused"
    sub["status_details"] = {
        "paused": {
            "subscription": {"type": why},
            "transitioned_at": contract.now(),
            "type": "subscription",
        }
    }
    world.emit("customer.subscription.paused", sub)
    announce(world, sub)
    timers.set_for(contract)


@endpoint(
    "POST /v1/subscriptions/{id}/resume",
    "SubscriptionResumeParams",
    "billing_cycle_anchor payment_behavior proration_behavior proration_date",
)
def resume(call: Call) -> Obj:
    """Resume: by default the cycle is anchored anew and a full period billed at once."""
    contract = Contract.opened(call.world, call.path["id"])
    sub = contract.sub
    if sub["status"] != "paused":
        raise Refusal(
            f"Subscription {sub['id']} cannot be resumed: only paused subscriptions can.",
        )
    if sub["collection_method"] != "charge_automatically":
        raise Refusal(
            "Only subscriptions with collection_method charge_automatically can be resumed.",
        )
    resume_now(contract, call.params)
    return sub


def resume_now(contract: Contract, params: Mapping[str, Any]) -> None:
    """Resume, with parameters as the endpoint takes them."""
    world, sub, now = contract.world, contract.sub, contract.now()
    anchored = (params.get("billing_cycle_anchor") or {"type": "now"})["type"] == "now"
    behavior = params.get("proration_behavior") or "create_prorations"
    at = params.get("proration_date") or now
    sub["_quiet"] = True
    dues, lines = resume_lines(contract, at, anchored=anchored, proration=behavior)
    if behavior == "create_prorations" and not anchored:
        for line in lines:
            invoices.add_item(world, customer=sub["customer"], line=line)
        lines = []
    invoice: Seen | None = None
    waits = params.get("payment_behavior") == "resume_on_payment_success"
    if dues or lines:
        billing.count_invoice(contract)
        draft = billing.make_draft(
            contract, "subscription_update", dues, (now, now), more_lines=lines
        )
        invoice = billing.settle(
            contract, draft, "default_incomplete" if waits else "allow_incomplete"
        )
    del sub["_quiet"]
    if waits and invoice is not None and invoice["status"] == "open":
        sub["_resuming"] = invoice["id"]
        world.set_timer(WAITED, sub, now + WAITS_FOR)
    else:
        become_resumed(contract)
        if invoice is not None and invoice["status"] == "open":
            sub["status"] = "past_due"
    announce(world, sub)
    timers.set_for(contract)


def resume_lines(
    contract: Contract, at: int, *, anchored: bool, proration: str
) -> tuple[list[Due], list[NewLine]]:
    """Begin the periods again; gives what is billed in full, and the prorated lines."""
    sub = contract.sub
    if anchored:
        periods.anchor_to(sub, at)
    dues: list[Due] = []
    lines: list[NewLine] = []
    for item in contract.items:
        price = contract.price(item)
        whole = periods.period_at(sub, price, at)
        item |= {"current_period_start": whole[0], "current_period_end": whole[1], "_since": at}
        item |= {"_debits": [], "_prebilled_until": None}
        if contract.metered(item):
            continue
        if anchored:
            dues.append(due_for(item, *whole))
        elif proration != "none":
            lines.extend(_rest(contract, item, at, whole))
    return dues, lines


def _rest(contract: Contract, item: Obj, at: int, whole: tuple[int, int]) -> list[NewLine]:
    line = debit_for(contract, item, at, whole)
    return [line] if line is not None else []


def become_resumed(contract: Contract) -> None:
    """Run again; the event is emitted before the update that says the rest."""
    sub = contract.sub
    sub |= {"status": "active", "status_details": None}
    sub.pop("_resuming", None)
    contract.world.emit("customer.subscription.resumed", sub)


@due(WAITED)
def stay_paused(world: World, ident: str) -> None:
    """Nobody has paid for the resumption: its invoice is void, and the subscription stays so."""
    sub = world.edit(KIND, ident)
    invoice = world.find("invoice", sub.pop("_resuming", None))
    if sub["status"] == "paused" and invoice is not None and invoice["status"] == "open":
        invoices.void(world, invoice["id"])


@when("invoice.marked_uncollectible")
def written_off(world: World, invoice: Seen) -> None:
    """What is not worth collecting does not keep a subscription from resuming."""
    found = world.find(KIND, billing.subscription_of(invoice))
    if found is None or found.get("_resuming") != invoice["id"]:
        return
    sub = world.edit(KIND, found["id"])
    paid(world, sub, invoice)
    announce(world, sub)
    timers.set_for(Contract.opened(world, sub["id"]))


def paid(world: World, sub: Obj, invoice: Seen) -> None:
    """Resume what waited for this payment."""
    if sub["status"] == "paused" and sub.get("_resuming") == invoice["id"]:
        become_resumed(Contract.opened(world, sub["id"]))


@due("subscription.collect_again")
def collect_again(world: World, ident: str) -> None:
    """Paused collection ends at its `resumes_at`."""
    sub = world.edit(KIND, ident)
    sub["pause_collection"] = None
    announce(world, sub)

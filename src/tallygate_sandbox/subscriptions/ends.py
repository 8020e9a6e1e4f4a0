"""How a subscription ends: now, at a period's end, or at a fixed instant.

Sources: https://docs.stripe.com/billing/subscriptions/cancel and
https://docs.stripe.com/api/subscriptions/cancel. With mixed intervals the period's end is the
earliest of the items'.

Assumed: when it ends by itself, the last draft holds every metered item's usage until then, stands
its hour and is collected; what was billed in advance beyond `cancel_at` is credited when that is
set, and charged again when it is taken back.
"""

from typing import Any

from tallygate_sandbox import invoices
from tallygate_sandbox.api import Call, Evidence, endpoint
from tallygate_sandbox.invoices import NewLine
from tallygate_sandbox.invoices.endings import let_go
from tallygate_sandbox.invoices.invoice import SUBSCRIPTION
from tallygate_sandbox.subscriptions import billing, proration, rolling, settings, timers
from tallygate_sandbox.subscriptions.feedback_options import usable
from tallygate_sandbox.subscriptions.lines import Due, lines_of
from tallygate_sandbox.subscriptions.subscription import ENDED, KIND, Contract, announce
from tallygate_sandbox.wire.refusals import Refusal, no_such
from tallygate_sandbox.world import Obj, Seen

FAILED = "payment_failed"
REQUESTED = "cancellation_requested"


def change_end(contract: Contract, params: dict[str, Any]) -> None:
    """Set or take back when the subscription ends.

    Raises:
        Refusal: both ways at once, or an instant that is past.
    """
    settings.exclusive(params, "cancel_at", "cancel_at_period_end")
    sub, before = contract.sub, contract.sub["cancel_at"]
    if "cancel_at_period_end" in params:
        sub["cancel_at_period_end"] = params["cancel_at_period_end"]
        sub["cancel_at"] = _instant(contract, "min_period_end")
        if not params["cancel_at_period_end"]:
            sub["cancel_at"] = None
    if "cancel_at" in params:
        sub["cancel_at_period_end"] = False
        sub["cancel_at"] = _instant(contract, params["cancel_at"])
    if sub["cancel_at"] == before:
        return
    coming = sub["cancel_at"] is not None
    sub["canceled_at"] = contract.now() if coming else None
    sub["cancellation_details"]["reason"] = REQUESTED if coming else None


def change_end_prorated(contract: Contract, params: dict[str, Any]) -> list[NewLine]:
    """Set or take back the end, and give the credits and debits of an end within a period."""
    before = contract.sub["cancel_at"]
    change_end(contract, params)
    after = contract.sub["cancel_at"]
    if after == before:
        return []
    lines = [line for item in contract.items for line in _mended(contract, item)]
    if after is not None and params.get("proration_behavior", "create_prorations") != "none":
        lines += [line for item in contract.items for line in _cut(contract, item, after)]
    return lines


def _cut(contract: Contract, item: Obj, at: int) -> list[NewLine]:
    """Credit what was billed in advance for the time after an end."""
    if contract.metered(item) or at >= _billed_until(item):
        return []
    lines = proration.credits_for(contract, item, at)
    item["_cut"] = {"at": at, "amount": -sum(line.amount for line in lines)}
    return lines


def _mended(contract: Contract, item: Obj) -> list[NewLine]:
    """Charge again what was credited for an end that was taken back."""
    cut = item.pop("_cut", None)
    if cut is None or not cut["amount"]:
        return []
    period = (cut["at"], _billed_until(item))
    return [proration.line(contract, item, cut["amount"], period, "debit")]


def _billed_until(item: Seen) -> int:
    """Until when an item was billed: its period, or what was billed ahead."""
    return max(int(item["current_period_end"]), item.get("_prebilled_until") or 0)


def _instant(contract: Contract, wanted: int | str | None) -> int | None:
    ends = [item["current_period_end"] for item in contract.items]
    named = {
        "min_period_end": min(ends),
        "max_period_end": max(ends),
        "max_billed_until": max(_billed_until(item) for item in contract.items),
    }
    if wanted is None or isinstance(wanted, str):
        return named[wanted] if wanted else None
    if wanted <= contract.now():
        raise Refusal("Invalid timestamp: `cancel_at` must be in the future.", param="cancel_at")
    return wanted


@endpoint(
    "DELETE /v1/subscriptions/{id}",
    "SubscriptionCancelParams",
    "invoice_now prorate cancellation_details",
    Evidence.RECORDED,
)
def cancel_endpoint(call: Call) -> Obj:
    contract = Contract.opened(call.world, call.path["id"])
    sub = contract.sub
    if sub["status"] in ENDED:
        raise no_such(KIND, sub["id"])
    change_details(contract, call.sent("cancellation_details"))
    cancel(contract, invoice_now=call.sent("invoice_now"), prorate=call.sent("prorate"))
    return sub


def change_details(contract: Contract, details: dict[str, Any] | None) -> None:
    """Note why somebody cancels. Raises: Refusal, for an option that is none."""
    kept = contract.sub["cancellation_details"]
    for name in ("comment", "feedback"):
        if details and name in details:
            kept[name] = details[name]
    if option := (details or {}).get("feedback_option"):
        place = "cancellation_details[feedback_option]"
        kept["feedback_option"] = usable(contract.world, option, place)["id"]


def cancel(
    contract: Contract,
    *,
    invoice_now: bool | None = False,
    prorate: bool | None = False,
    reason: str | None = REQUESTED,
) -> None:
    """End a subscription now. Without `invoice_now` its open usage is dropped."""
    sub = contract.sub
    if sub["status"] == "incomplete":
        expire(contract)
        return
    if prorate:
        for line in proration.unused_lines(contract, contract.now()):
            invoices.add_item(contract.world, customer=sub["customer"], line=line)
    if not prorate and not invoice_now:
        _forget_prorations(contract)
    if invoice_now:
        _bill_now(contract, rolling.usage_until(contract, contract.now(), last=True))
    become_canceled(contract, reason=reason)


def _forget_prorations(contract: Contract) -> None:
    """Pending prorations go with the subscription; other items wait on."""
    world, sub = contract.world, contract.sub
    for item in invoices.pending_items(world, sub["customer"], sub["id"]):
        if item["proration"] and item["_subscription"] == sub["id"]:
            let_go(world, item, delete_it=True)


def _bill_now(contract: Contract, dues: list[Due]) -> None:
    world, sub, now = contract.world, contract.sub, contract.now()
    waiting = invoices.pending_items(world, sub["customer"], sub["id"])
    if not waiting and not lines_of(world, sub, dues):
        return
    since = min(item["current_period_start"] for item in contract.items)
    sub["_quiet"] = True
    draft = billing.make_draft(contract, "subscription_update", dues, (since, now))
    billing.settle(contract, draft, "allow_incomplete", off_session=True)
    del sub["_quiet"]


def end_at_boundary(contract: Contract) -> None:
    """End by itself: bill the usage until now in a last draft, which is collected as any other."""
    world, sub, now = contract.world, contract.sub, contract.now()
    dues = rolling.usage_until(contract, now)
    if dues or invoices.pending_items(world, sub["customer"], sub["id"]):
        since = rolling.looks_back_to(contract, now)
        billing.make_draft(contract, "subscription_cycle", dues, (since, now))
    become_canceled(contract, reason=sub["cancellation_details"]["reason"], stop_drafts=False)


def become_canceled(contract: Contract, *, reason: str | None, stop_drafts: bool = True) -> None:
    """Be canceled as of now; what is still open is no longer collected by itself."""
    world, sub, now = contract.world, contract.sub, contract.now()
    sub |= {
        "status": "canceled",
        "ended_at": now,
        "pause_collection": None,
        "status_details": None,
    }
    sub["canceled_at"] = sub["canceled_at"] or now
    sub["cancellation_details"]["reason"] = reason
    if stop_drafts:
        _stop_collecting(contract)
    world.signal("subscription.ended", sub)
    world.emit("customer.subscription.deleted", sub)
    timers.set_for(contract)


def _stop_collecting(contract: Contract) -> None:
    """Leave the subscription's drafts and open invoices to whoever wants to go on with them."""
    world = contract.world
    for found in world.where("invoice", SUBSCRIPTION, contract.sub["id"]):
        if found["status"] not in {"draft", "open"}:
            continue
        invoice = world.edit("invoice", found["id"])
        invoice |= {
            "auto_advance": False,
            "automatically_finalizes_at": None,
            "next_payment_attempt": None,
        }
        for timer in ("invoice.finalize", "invoice.attempt"):
            world.stop_timer(timer, invoice)


def expire(contract: Contract) -> None:
    """Give up a subscription whose first invoice was never paid."""
    world, sub, now = contract.world, contract.sub, contract.now()
    sub |= {"status": "incomplete_expired", "ended_at": now, "canceled_at": sub["canceled_at"]}
    latest = world.find("invoice", sub["latest_invoice"])
    if latest is not None and latest["status"] == "open":
        sub["_quiet"] = True
        invoices.void(world, latest["id"])
        del sub["_quiet"]
    world.signal("subscription.ended", sub)
    announce(world, sub)
    timers.set_for(contract)

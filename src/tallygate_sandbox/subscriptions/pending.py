"""Changes that wait for their payment: `payment_behavior=pending_if_incomplete`.

Source: https://docs.stripe.com/billing/subscriptions/pending-updates. The change is kept for 23
hours; paying its invoice applies it, the end of that time voids the invoice.
"""

from typing import Any

from tallygate_sandbox import invoices
from tallygate_sandbox.subscriptions import billing, changes, timers
from tallygate_sandbox.subscriptions.subscription import KIND, Contract
from tallygate_sandbox.wire.refusals import Refusal, absent
from tallygate_sandbox.world import Obj, Seen, World, due

KEPT_SECONDS = 23 * 3600
MAY_WAIT = frozenset(
    (
        "expand",
        "payment_behavior",
        "proration_behavior",
        "proration_date",
        "billing_cycle_anchor",
        "items",
        "trial_end",
        "off_session",
    )
)
NOT_YET = frozenset(("add_invoice_items", "discounts", "metadata", "trial_from_plan"))


def stage(contract: Contract, params: dict[str, Any]) -> None:
    """Make the change if it is paid at once, else keep it until it is.

    Raises:
        Refusal: a parameter that cannot wait.
    """
    for name in params.keys() & NOT_YET:
        raise absent(f"{name} in a change that waits for its payment")
    for name in params.keys() - MAY_WAIT:
        raise Refusal(
            f"Received unsupported parameter with payment_behavior=pending_if_incomplete: {name}.",
            param=name,
        )
    world, sub, now = contract.world, contract.sub, contract.now()
    kept = {k: v for k, v in params.items() if k != "expand"} | {
        "proration_date": params.get("proration_date", now)
    }
    wished = Contract.copied(world, sub["id"])
    outcome = changes.apply(wished, kept)
    always = params.get("proration_behavior") == "always_invoice"
    if not (outcome.dues or outcome.at_once or (always and outcome.lines)):
        _make(contract, kept)
        for line in outcome.lines:
            invoices.add_item(world, customer=sub["customer"], line=line)
        return
    billing.count_invoice(contract)
    draft = billing.make_draft(
        wished,
        "subscription_update",
        outcome.dues,
        (now, now),
        more_lines=outcome.lines,
        include_pending=False,
    )
    sub["latest_invoice"] = draft["id"]
    sub["_pending_invoice"] = draft["id"]
    invoice = billing.settle(contract, draft, "allow_incomplete")
    if invoice["status"] != "open":
        sub.pop("_pending_invoice", None)
        _make(contract, kept)
        return
    _keep(contract, wished, kept, now)


def _keep(contract: Contract, wished: Contract, params: dict[str, Any], now: int) -> None:
    world, sub = contract.world, contract.sub
    anchored = wished.sub["billing_cycle_anchor"] != sub["billing_cycle_anchor"]
    sub["pending_update"] = {
        "billing_cycle_anchor": wished.sub["billing_cycle_anchor"] if anchored else None,
        "expires_at": now + KEPT_SECONDS,
        "subscription_items": [world.view(item) for item in wished.items],
        "trial_end": wished.sub["trial_end"],
        "trial_from_plan": None,
    }
    sub["_pending_params"] = params
    world.set_timer("subscription.pending_update_expires", sub, now + KEPT_SECONDS)


def _make(contract: Contract, params: dict[str, Any]) -> None:
    """Make the change; what it costs has been billed already."""
    latest = contract.sub["latest_invoice"]
    changes.apply(contract, params)
    contract.keep()
    for item in contract.items:
        for debit in item["_debits"]:
            debit["invoice"] = debit["invoice"] or latest


def paid(world: World, sub: Obj, invoice: Seen) -> None:
    """Make the change that waited for this payment."""
    if sub.get("_pending_invoice") != invoice["id"] or sub["pending_update"] is None:
        return
    params = sub.pop("_pending_params")
    del sub["_pending_invoice"]
    sub["pending_update"] = None
    contract = Contract.opened(world, sub["id"])
    _make(contract, params)
    world.stop_timer("subscription.pending_update_expires", sub)
    world.emit("customer.subscription.pending_update_applied", sub)
    timers.set_for(contract)


@due("subscription.pending_update_expires")
def expire(world: World, ident: str) -> None:
    sub = world.edit(KIND, ident)
    if sub["pending_update"] is None:
        return
    sub["pending_update"] = None
    sub.pop("_pending_params")
    sub["_quiet"] = True
    waiting = world.get("invoice", sub.pop("_pending_invoice"))
    if waiting["status"] == "open":
        invoices.void(world, waiting["id"])
    del sub["_quiet"]
    world.emit("customer.subscription.pending_update_expired", sub)

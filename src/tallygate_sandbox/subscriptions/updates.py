"""Changing a subscription. Source: https://docs.stripe.com/api/subscriptions/update; recorded."""

from typing import Any

from tallygate_sandbox import invoices
from tallygate_sandbox.api import Call, Evidence, endpoint
from tallygate_sandbox.invoices import NewLine
from tallygate_sandbox.subscriptions import (
    billing,
    changes,
    ends,
    pending,
    rolling,
    settings,
    timers,
)
from tallygate_sandbox.subscriptions.changes import Outcome
from tallygate_sandbox.subscriptions.extras import add_extras
from tallygate_sandbox.subscriptions.subscription import ENDED, Contract, announce
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen

AFTER_END = frozenset({"cancellation_details", "metadata", "expand"})


@endpoint(
    "POST /v1/subscriptions/{id}",
    "SubscriptionUpdateParams",
    f"{settings.TAKEN} items.id items.deleted items.clear_usage billing_cycle_anchor "
    "cancellation_details pause_collection proration_date",
    Evidence.RECORDED,
)
def update(call: Call) -> Obj:
    contract = Contract.opened(call.world, call.path["id"])
    change(contract, call.params)
    return contract.sub


def change(contract: Contract, params: dict[str, Any]) -> None:
    """Change a subscription as wanted, bill what that costs, and say so.

    Raises:
        Refusal: what Stripe refuses; 402 with error_if_incomplete and a card that does not pay.
    """
    world, sub = contract.world, contract.sub
    _check(contract, params)
    sub["_quiet"] = True
    ends.change_details(contract, params.get("cancellation_details"))
    if params.get("payment_behavior") == "pending_if_incomplete":
        pending.stage(contract, params)
    else:
        settings.change_settings(world, sub, params)
        if "discounts" in params:
            settings.change_discounts(contract, params["discounts"])
        outcome = changes.apply(contract, params)
        contract.keep()
        outcome.lines += ends.change_end_prorated(contract, params)
        _pause_collection(contract, params)
        add_extras(contract, params.get("add_invoice_items"))
        bill(contract, outcome, params)
    if "pending_invoice_item_interval" in params:
        rolling.plan_pending(sub, contract.now())
    del sub["_quiet"]
    announce(world, sub)
    timers.set_for(contract)


def _check(contract: Contract, params: dict[str, Any]) -> None:
    sub = contract.sub
    if sub["status"] in ENDED and params.keys() - AFTER_END:
        raise Refusal(
            "A canceled subscription can only update its cancellation_details and metadata."
        )
    if sub["managed_payments"] and "default_payment_method" in params and not params.get("_ours"):
        raise Refusal(
            "The default payment method of a subscription with Managed Payments can only be "
            "updated by the customer, in the customer portal.",
            param="default_payment_method",
        )
    for name in ("cancel_at", "cancel_at_period_end"):
        if sub["schedule"] is not None and params.get(name):
            raise Refusal(
                f"The subscription is managed by the subscription schedule `{sub['schedule']}`, "
                f"and updating `{name}` directly is not allowed. Please update the schedule "
                "instead.",
                param=name,
            )


def _pause_collection(contract: Contract, params: dict[str, Any]) -> None:
    """Stop collecting, or collect again; the status stays as it is."""
    if "pause_collection" not in params:
        return
    world, sub, wanted = contract.world, contract.sub, params["pause_collection"]
    world.stop_timer("subscription.collect_again", sub)
    if wanted is None:
        sub["pause_collection"] = None
        return
    resumes = wanted.get("resumes_at")
    if resumes is not None and resumes <= contract.now():
        raise Refusal("`resumes_at` must be in the future.", param="pause_collection[resumes_at]")
    sub["pause_collection"] = {"behavior": wanted["behavior"], "resumes_at": resumes}
    if resumes is not None:
        world.set_timer("subscription.collect_again", sub, resumes)


def bill(contract: Contract, outcome: Outcome, params: dict[str, Any]) -> None:
    """Let prorations wait for the next invoice, or invoice them at once."""
    wait(contract, outcome.lines)
    behavior = params.get("proration_behavior", "create_prorations")
    prorated = behavior == "always_invoice" and outcome.lines
    if outcome.dues or outcome.at_once or prorated:
        invoice_now(contract, outcome, params)


def wait(contract: Contract, lines: list[NewLine]) -> None:
    for line in lines:
        item = invoices.add_item(contract.world, customer=contract.sub["customer"], line=line)
        for row in contract.items:
            if row["id"] == line.subscription_item and line.amount > 0 and row["_debits"]:
                row["_debits"][-1]["item"] = item["id"]


def invoice_now(contract: Contract, outcome: Outcome, params: dict[str, Any]) -> None:
    """Invoice what is due and what waits, and try to be paid as `payment_behavior` wants."""
    sub, now = contract.sub, contract.now()
    billing.count_invoice(contract)
    started = min(item["current_period_start"] for item in contract.items)
    period = (min(started, now), now)
    draft = billing.make_draft(contract, "subscription_update", outcome.dues, period)
    behavior = params.get("payment_behavior", "allow_incomplete")
    charges = sub["collection_method"] == "charge_automatically"
    if (
        charges
        and draft["amount_due"] > 0
        and behavior != "default_incomplete"
        and billing.pays_with(contract) is None
    ):
        raise billing.no_method()
    invoice = billing.settle(
        contract, draft, behavior, off_session=bool(params.get("off_session"))
    )
    if charges and invoice["status"] == "open" and sub["status"] in {"active", "trialing"}:
        sub["status"] = "past_due"


def collect(contract: Contract, invoice: Seen) -> None:
    """Try to be paid for an invoice that is open, with what the customer has."""
    if billing.pays_with(contract) is None:
        return
    contract.sub["_quiet"] = True
    invoices.attempt_payment(contract.world, invoice["id"])
    del contract.sub["_quiet"]

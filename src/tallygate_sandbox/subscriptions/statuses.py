"""How invoices and time change a subscription's status.

Source: https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses. What follows
the last retry is a setting of the account (invoices.dunning): canceled, unpaid or still past due.
"""

from tallygate_sandbox import invoices
from tallygate_sandbox.invoices import dunning
from tallygate_sandbox.subscriptions import ends, pauses, pending, timers
from tallygate_sandbox.subscriptions.billing import subscription_of
from tallygate_sandbox.subscriptions.subscription import ENDED, KIND, Contract, announce
from tallygate_sandbox.world import Obj, Seen, World, due, when

DUE_AGAIN = frozenset({"past_due", "unpaid"})


def _of(world: World, invoice: Seen) -> Obj | None:
    """The subscription of an invoice, to be changed, unless it has ended."""
    ident = subscription_of(invoice)
    found = world.find(KIND, ident)
    if ident is None or found is None or found["status"] in ENDED:
        return None
    return world.edit(KIND, ident)


@when("invoice.paid")
def become_current(world: World, invoice: Seen) -> None:
    """A first invoice paid makes active, or lets a trial go on; later the latest one does."""
    sub = _of(world, invoice)
    if sub is None:
        return
    _save_method(world, sub, invoice)
    first = invoice["billing_reason"] == "subscription_create"
    latest = invoice["id"] == sub["latest_invoice"]
    if (sub["status"] == "incomplete" and first) or (sub["status"] in DUE_AGAIN and latest):
        in_trial = sub["trial_end"] is not None and sub["trial_end"] > world.now(sub)
        sub["status"] = "trialing" if in_trial else "active"
    pending.paid(world, sub, invoice)
    pauses.paid(world, sub, invoice)
    announce(world, sub)
    if not sub.get("_quiet"):
        timers.set_for(Contract.opened(world, sub["id"]))


def _save_method(world: World, sub: Obj, invoice: Seen) -> None:
    """Make the method that paid the default, if that was wanted."""
    if sub["payment_settings"]["save_default_payment_method"] != "on_subscription":
        return
    for payment in world.where("invoice_payment", "invoice", invoice["id"]):
        intent = world.find("payment_intent", payment["payment"].get("payment_intent"))
        if intent is not None and intent["status"] == "succeeded" and intent["payment_method"]:
            sub["default_payment_method"] = intent["payment_method"]


@when("customer.source_replaced")
def try_new_source(world: World, customer: Seen) -> None:
    """With a new source the last invoice of what is past due is tried once more, at once.

    Source: the SDK on Customer.modify. It is no attempt of the schedule and does not move it.
    """
    for sub in world.where(KIND, "customer", customer["id"]):
        invoice = world.find("invoice", sub["latest_invoice"])
        if invoice is None or (sub["status"], invoice["status"]) != ("past_due", "open"):
            continue
        if invoice["auto_advance"]:
            invoices.attempt_payment(world, invoice["id"])


@when("setup_intent.succeeded")
def method_given(world: World, intent: Seen) -> None:
    """The method that a subscription asked for has come, and pays it from now on."""
    for found in world.where(KIND, "pending_setup_intent", intent["id"]):
        sub = world.edit(KIND, found["id"])
        sub |= {
            "pending_setup_intent": None,
            "default_payment_method": intent["payment_method"],
        }
        announce(world, sub)


@when("invoice.payment_failed", "invoice.payment_action_required", "invoice.overdue")
def become_past_due(world: World, invoice: Seen) -> None:
    """A later invoice that is not paid makes past due; a first one leaves incomplete.

    Where the account wants it so, the first failure pauses.
    """
    sub = _of(world, invoice)
    if sub is None or sub.get("_pending_invoice") == invoice["id"]:
        return
    if sub["status"] not in {"trialing", "active"}:
        return
    if dunning.settings(world).first == "pause" and invoice["attempt_count"] == 1:
        pauses.become_paused(Contract.opened(world, sub["id"]), "first_payment_failure")
        return
    sub["status"] = "past_due"
    announce(world, sub)


@when("invoice.voided")
def forgive(world: World, invoice: Seen) -> None:
    """A first invoice voided ends an incomplete subscription; a later one cures it."""
    sub = _of(world, invoice)
    if sub is None or sub.get("_quiet"):
        return
    if sub["status"] == "incomplete" and invoice["billing_reason"] == "subscription_create":
        ends.expire(Contract.opened(world, sub["id"]))
    elif sub["status"] in DUE_AGAIN and invoice["id"] == sub["latest_invoice"]:
        sub["status"] = "active"
        announce(world, sub)


@when("invoice.dunning_exhausted")
def give_up(world: World, invoice: Seen) -> None:
    """Do what the account's setting says when the last retry has failed."""
    sub = _of(world, invoice)
    if sub is None or sub["status"] == "incomplete":
        return
    chosen = dunning.settings(world).then
    if chosen == "cancel":
        ends.become_canceled(Contract.opened(world, sub["id"]), reason=ends.FAILED)
        return
    if chosen == "pause":
        pauses.become_paused(Contract.opened(world, sub["id"]), "final_payment_failure")
        return
    sub["status"] = {"mark_unpaid": "unpaid"}.get(chosen, "past_due")
    announce(world, sub)


@due("subscription.expire")
def expire(world: World, ident: str) -> None:
    contract = Contract.opened(world, ident)
    if contract.sub["status"] == "incomplete":
        ends.expire(contract)


@when("customer.deleting")
def leave_with_customer(world: World, customer: Seen) -> None:
    """Deleting a customer cancels what it has subscribed to."""
    for sub in world.where(KIND, "customer", customer["id"]):
        if sub["status"] not in ENDED:
            ends.become_canceled(Contract.opened(world, sub["id"]), reason=ends.REQUESTED)

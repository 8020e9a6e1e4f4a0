"""How an invoice ends: paid, void, uncollectible, deleted.

Source: https://docs.stripe.com/invoicing/overview#invoice-statuses.
"""

from tallygate_sandbox import credits as grants
from tallygate_sandbox.api import Call, Evidence, endpoint
from tallygate_sandbox.invoices import balance, collection, items, records
from tallygate_sandbox.invoices.finalization import finalize
from tallygate_sandbox.invoices.invoice import KIND, LINE, announce, lines_of, remember
from tallygate_sandbox.payments.intents import refusal
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World

NO_METHOD = (
    "This customer has no attached payment source or default payment method. Please consider "
    "adding a default payment method. For more information, visit "
    "https://stripe.com/docs/billing/subscriptions/payment-methods-setting"
    "#payment-method-priority."
)


@endpoint(
    "POST /v1/invoices/{id}/pay",
    "InvoicePayParams",
    "forgive off_session paid_out_of_band payment_method",
    Evidence.RECORDED,
)
def pay(call: Call) -> Obj:
    """Pay now; a draft is finalized first. `forgive` changes nothing: a card pays all or none."""
    world = call.world
    invoice = world.edit(KIND, call.path["id"])
    if invoice["status"] == "draft":
        finalize(world, invoice["id"])
        if invoice["status"] == "paid":
            return invoice
    if invoice["status"] == "paid":
        raise Refusal("Invoice is already paid")
    if invoice["status"] == "void":
        raise Refusal("Invoice is voided and can no longer be paid.")
    if call.sent("paid_out_of_band"):
        return pay_outside(world, invoice)
    method = call.sent("payment_method")
    if method is None and collection.method_of(world, invoice) is None:
        raise Refusal(NO_METHOD, code="resource_missing")
    off_session = call.sent("off_session", True)
    collection.attempt_payment(world, invoice["id"], method, off_session=off_session)
    if invoice["status"] != "paid":
        pending = records.current(world, invoice["id"])
        assert pending is not None
        raise refusal(world, world.get("payment_intent", pending["payment"]["payment_intent"]))
    return invoice


def pay_outside(world: World, invoice: Obj) -> Obj:
    """Paid in cash or by transfer: no charge is made, and its intent is canceled."""
    before = remember(invoice)
    owed = invoice["amount_remaining"]
    invoice["amount_paid_off_stripe"] = owed
    collection.mark_paid(world, invoice, owed)
    _cancel_payment(world, invoice)
    announce(world, invoice, before)
    world.emit("invoice.paid", invoice)
    return invoice


def void(world: World, invoice_id: str) -> Obj:
    """Void an open or uncollectible invoice: credit and balance return, `invoice.voided`."""
    invoice = _ending(world, invoice_id, "voided", {"open", "uncollectible"})
    before = remember(invoice)
    invoice["status"] = "void"
    invoice["status_transitions"]["voided_at"] = world.now(invoice)
    _stop(world, invoice)
    _cancel_payment(world, invoice)
    balance.give_back(world, invoice)
    grants.restore(world, invoice_id)
    announce(world, invoice, before)
    world.emit("invoice.voided", invoice)
    return invoice


def mark_uncollectible(world: World, invoice_id: str) -> Obj:
    """Give an open invoice up; it may still be paid or voided."""
    invoice = _ending(world, invoice_id, "marked uncollectible", {"open"})
    before = remember(invoice)
    invoice["status"] = "uncollectible"
    invoice["status_transitions"]["marked_uncollectible_at"] = world.now(invoice)
    _stop(world, invoice)
    announce(world, invoice, before)
    world.emit("invoice.marked_uncollectible", invoice)
    return invoice


@endpoint("POST /v1/invoices/{id}/void", "InvoiceVoidInvoiceParams")
def void_by_call(call: Call) -> Obj:
    return void(call.world, call.path["id"])


@endpoint("POST /v1/invoices/{id}/mark_uncollectible", "InvoiceMarkUncollectibleParams")
def mark_uncollectible_by_call(call: Call) -> Obj:
    return mark_uncollectible(call.world, call.path["id"])


@endpoint("POST /v1/invoices/{id}/send", "InvoiceSendInvoiceParams")
def send(call: Call) -> Obj:
    """Send it to the customer; a draft is finalized first. No mail leaves the sandbox."""
    world = call.world
    invoice = world.edit(KIND, call.path["id"])
    if invoice["collection_method"] != "send_invoice":
        raise Refusal(
            "You can only manually send an invoice if its collection method is 'send_invoice'.",
        )
    if invoice["status"] == "draft":
        finalize(world, invoice["id"])
    collection.send(world, invoice)
    return invoice


@endpoint("DELETE /v1/invoices/{id}", "InvoiceDeleteParams")
def delete(call: Call) -> Obj:
    """Delete a draft of a single sale; items that had waited for an invoice wait again."""
    world = call.world
    invoice = world.edit(KIND, call.path["id"])
    if invoice["status"] != "draft":
        raise Refusal(
            "You can only delete draft invoices. To void this invoice, use the void endpoint.",
            code="invoice_not_editable",
        )
    if invoice["parent"]:
        raise Refusal("Invoices of a subscription cannot be deleted; finalize and void them.")
    for item in world.where(items.KIND, "invoice", invoice["id"]):
        let_go(world, item, delete_it=not item["_pulled"])
    for line in lines_of(world, invoice["id"]):
        world.remove(LINE, line["id"])
    world.stop_timer("invoice.finalize", invoice)
    world.emit("invoice.deleted", invoice)
    world.remove(KIND, invoice["id"])
    return {"id": invoice["id"], "object": KIND, "deleted": True}


def let_go(world: World, item: Seen, *, delete_it: bool) -> None:
    """Delete an invoice item, or let it wait for another invoice."""
    if delete_it:
        world.emit("invoiceitem.deleted", item)
        world.remove(items.KIND, item["id"])
    else:
        items.wait(world.edit(items.KIND, item["id"]))


def _ending(world: World, ident: str, verb: str, allowed: set[str]) -> Obj:
    invoice = world.edit(KIND, ident)
    if invoice["status"] not in allowed:
        raise Refusal(
            f"You can only pass in {' or '.join(sorted(allowed))} invoices. This invoice isn't "
            f"{' or '.join(sorted(allowed))}: it is {invoice['status']}, and cannot be {verb}.",
        )
    return invoice


def _stop(world: World, invoice: Obj) -> None:
    collection.rest(world, invoice)
    invoice["auto_advance"] = False


def _cancel_payment(world: World, invoice: Seen) -> None:
    pending = records.current(world, invoice["id"])
    if pending is not None:
        records.drop(world, pending)

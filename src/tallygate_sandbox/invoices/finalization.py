"""From a draft to a numbered invoice.

Source: https://docs.stripe.com/invoicing/overview; recorded: the number, `effective_at`, the page
size, and that an invoice without anything due is paid at once, attempted and never counted.
"""

from tallygate_sandbox import credits as grants
from tallygate_sandbox.api import Call, endpoint
from tallygate_sandbox.customers import taxation
from tallygate_sandbox.invoices import balance, collection, records, taxes
from tallygate_sandbox.invoices.drafts import DAY
from tallygate_sandbox.invoices.invoice import (
    KIND,
    LINE,
    NO_TAX,
    announce,
    copy_customer,
    lines_of,
    remember,
    subscription_of,
)
from tallygate_sandbox.invoices.totals import finish, total_up
from tallygate_sandbox.webhooks import deliveries
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, World, due

COLLECTED_AFTER = 3600  # seconds from a finalization by API to the first automatic attempt
UNTAXED = frozenset({taxation.INVALID, "taxes_calculation_failed"})
HELD_FOR = 3600  # seconds from one look at its webhook to the next
HELD_AT_MOST = 72 * 3600


def finalize(world: World, invoice_id: str) -> Obj:
    """Finalize a draft: number, credit, balance, payment intent; `invoice.finalized`.

    Before, `invoice.finalizing` is played, in which its lines may still be replaced. An invoice
    with nothing due is paid at once. It is not attempted otherwise: see attempt_payment.

    Raises:
        Refusal: it is no draft.
    """
    invoice = world.edit(KIND, invoice_id)
    if invoice["status"] != "draft":
        raise Refusal(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            code="invoice_not_editable",
        )
    before = remember(invoice)
    world.signal("invoice.finalizing", invoice)
    copy_customer(world, invoice, world.get("customer", invoice["customer"]))
    _settle_tax(world, invoice)
    _last_totals(world, invoice)
    balance.use(world, invoice)
    _number(world, invoice)
    _open(world, invoice)
    if invoice["amount_due"] > 0:
        records.ask(world, invoice)
    world.emit("invoice.finalized", invoice)
    announce(world, invoice, before)
    if invoice["amount_due"] == 0:
        collection.settle_without_payment(world, invoice)
    return invoice


def _settle_tax(world: World, invoice: Obj) -> None:
    """Where tax cannot be calculated, a subscription's invoice goes on without; no other does.

    Source: https://docs.stripe.com/tax/customer-locations. Assumed: a calculation that failed is
    treated as a location that is missing, and its code. The signal lets the subscription follow.

    Raises:
        Refusal: customer_tax_location_invalid or taxes_calculation_failed.
    """
    tax = invoice["automatic_tax"]
    if not tax["enabled"]:
        return
    tax["status"] = taxation.find(world, taxes.place_for(world, invoice)).status
    if tax["status"] == taxation.COMPLETE:
        return
    located = tax["status"] != taxation.NO_LOCATION
    if subscription_of(world, invoice) is None:
        raise _untaxable() if located else taxation.nowhere()
    reason = "finalization_system_error" if located else "finalization_requires_location_inputs"
    invoice["automatic_tax"] = NO_TAX | {"disabled_reason": reason}
    world.signal("invoice.tax_disabled", invoice)


def _untaxable() -> Refusal:
    return Refusal("Tax could not be calculated.", code="taxes_calculation_failed")


@due("invoice.finalize")
def finalize_when_due(world: World, ident: str) -> None:
    """The hour of grace is over: finalize, and collect, unless nobody has heard of the draft."""
    if _hold(world, ident):
        return
    try:
        invoice = finalize(world, ident)
    except Refusal as refusal:
        _note_failure(world, ident, refusal)
        return
    if invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
        collection.attempt(world, ident, automatic=True)
    elif invoice["status"] == "open":
        collection.send(world, invoice)


def _hold(world: World, ident: str) -> bool:
    """Wait another hour, where every attempt to tell of `invoice.created` has failed so far.

    Source: https://docs.stripe.com/billing/invoices/subscription: up to 72 hours, and not where
    the time was chosen. How often Stripe looks again is assumed.
    """
    draft = world.get(KIND, ident)
    now, latest = world.now(draft), draft["created"] + HELD_AT_MOST
    if draft["_chosen_time"] or now >= latest or not deliveries.refused(world, draft["_told"]):
        return False
    world.set_timer("invoice.finalize", draft, min(now + HELD_FOR, latest))
    return True


def _note_failure(world: World, ident: str, refusal: Refusal) -> None:
    """It cannot be finalized: say why, and leave it a draft that goes no further by itself."""
    invoice = world.edit(KIND, ident)
    invoice |= {
        "auto_advance": False,
        "automatically_finalizes_at": None,
        "next_payment_attempt": None,
        "last_finalization_error": {
            "code": refusal.code,
            "message": refusal.message,
            "param": refusal.param,
            "type": refusal.type,
        },
    }
    world.emit("invoice.finalization_failed", invoice)


@endpoint("POST /v1/invoices/{id}/finalize", "InvoiceFinalizeInvoiceParams", "auto_advance")
def finalize_by_call(call: Call) -> Obj:
    """Finalize now; one that advances by itself is collected about an hour later."""
    world = call.world
    invoice = world.edit(KIND, call.path["id"])
    if "auto_advance" in call.params and invoice["status"] == "draft":
        invoice["auto_advance"] = call.params["auto_advance"]
    try:
        finalize(world, invoice["id"])
    except Refusal as refusal:
        if refusal.code in UNTAXED:
            _note_failure(world, invoice["id"], refusal)
            refusal.keeps = True
        raise
    charged = invoice["collection_method"] == "charge_automatically"
    if invoice["status"] == "open" and invoice["auto_advance"] and charged:
        collection.plan(world, invoice, world.now(invoice) + COLLECTED_AFTER)
    return invoice


def _last_totals(world: World, invoice: Obj) -> None:
    """Amounts for good: discounts, then credit for metered lines, then tax."""
    lines = [world.edit(LINE, line["id"]) for line in lines_of(world, invoice["id"])]
    left = total_up(world, invoice, lines)
    metered = [line for line in lines if line["_metered"] and left[line["id"]] > 0]
    if not metered:
        return
    owed = {line["id"]: left[line["id"]] for line in metered}
    if grants.apply(world, invoice, metered, owed):
        for line in metered:
            left[line["id"]] -= sum(
                entry["amount"]
                for entry in line["pretax_credit_amounts"]
                if entry["type"] == "credit_balance_transaction"
            )
        finish(world, invoice, lines, left)


def _number(world: World, invoice: Obj) -> None:
    """The customer's prefix and next number, unless one was chosen."""
    customer = world.edit("customer", invoice["customer"])
    if invoice["number"] is None:
        sequence = customer["next_invoice_sequence"]
        invoice["number"] = f"{customer['invoice_prefix']}-{sequence:04d}"
    customer["next_invoice_sequence"] += 1


def _open(world: World, invoice: Obj) -> None:
    now = world.now(invoice)
    invoice["_token"] = token = world.ids.token(32)
    address = f"{world.base_url}/i/{token}"
    invoice |= {
        "status": "open",
        "automatically_finalizes_at": None,
        "effective_at": invoice["effective_at"] or now,
        "hosted_invoice_url": address,
        "invoice_pdf": f"{address}/pdf",
        "next_payment_attempt": None,
    }
    invoice["status_transitions"]["finalized_at"] = now
    if invoice["rendering"] and invoice["rendering"]["pdf"]["page_size"] == "auto":
        invoice["rendering"]["pdf"]["page_size"] = "letter"
    world.stop_timer("invoice.finalize", invoice)
    if invoice["collection_method"] == "send_invoice":
        invoice["due_date"] = invoice["due_date"] or now + 30 * DAY
        world.set_timer("invoice.overdue", invoice, invoice["due_date"])

"""Payment of an invoice: attempts, retries, and when they are over.

Source: https://docs.stripe.com/billing/collection-method and the description of `attempt_count`
on https://docs.stripe.com/api/invoices/object: any attempt is the first, then only automatic ones
count. Recorded: an attempt that needs the customer's action is attempted and not counted.
"""

from tallygate_sandbox import payments
from tallygate_sandbox.invoices import balance, dunning, records
from tallygate_sandbox.invoices.invoice import KIND, announce, remember, subscription_of
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World, due, when

PAYABLE = frozenset({"open", "uncollectible"})


def attempt_payment(
    world: World, invoice_id: str, payment_method: str | None = None, *, off_session: bool = True
) -> Obj:
    """Try to pay an open invoice by card, and say how it went by its status; refuses nothing.

    Without a method it takes the invoice's, its subscription's, or its customer's default.
    """
    return attempt(world, invoice_id, payment_method, off_session=off_session)


def attempt(
    world: World,
    invoice_id: str,
    payment_method: str | None = None,
    *,
    off_session: bool = True,
    automatic: bool = False,
) -> Obj:
    """Try to pay; `automatic` when the schedule does it, which counts each time."""
    invoice = world.edit(KIND, invoice_id)
    assert invoice["status"] in PAYABLE, invoice["status"]
    method = payment_method or method_of(world, invoice)
    pending = records.current(world, invoice_id) or records.ask(world, invoice)
    if method is None:
        _failed(world, invoice, automatic=automatic)
        return invoice
    invoice["_automatic"] = automatic
    try:
        payments.confirm(
            world, pending["payment"]["payment_intent"], method, off_session=off_session
        )
    except Refusal:  # the method is detached, or somebody else's
        if not automatic:
            raise
        _failed(world, invoice, automatic=True)
    invoice.pop("_automatic", None)
    return invoice


def method_of(world: World, invoice: Seen) -> str | None:
    """What pays an invoice unless something else is said."""
    own: str | None = invoice["default_payment_method"] or invoice.get("default_source")
    of = subscription_of(world, invoice)
    return own or payments.default_method(world, invoice["customer"], of)


def plan(world: World, invoice: Obj, at: int | None) -> None:
    """Set the next automatic attempt, or none."""
    invoice["next_payment_attempt"] = at
    if at is None:
        world.stop_timer("invoice.attempt", invoice)
    else:
        world.set_timer("invoice.attempt", invoice, at)


@due("invoice.attempt")
def retry(world: World, ident: str) -> None:
    """The schedule's next attempt; after a hard decline only with another card."""
    invoice = world.edit(KIND, ident)
    refused = invoice.get("_refused_card")
    if refused is not None and method_of(world, invoice) in {refused, None}:
        before = remember(invoice)
        _count(invoice, automatic=True)
        _plan_next(world, invoice)
        announce(world, invoice, before)
        _tell_when_over(world, invoice)
        return
    attempt(world, ident, automatic=True)


@when("payment_intent.succeeded")
def paid_by_intent(world: World, intent: Seen) -> None:
    """An intent of an invoice succeeded, whoever confirmed it: the invoice is paid."""
    invoice = _invoice_of(world, intent)
    if invoice is None or invoice["status"] not in PAYABLE:
        return
    before = remember(invoice)
    payment = records.current(world, invoice["id"])
    _count(invoice, automatic=bool(invoice.pop("_automatic", False)))
    received = intent["amount_received"]
    overpaid = max(received - invoice["amount_remaining"], 0)
    invoice["amount_overpaid"] += overpaid
    balance.move(world, invoice, -overpaid, balance.APPLIED)
    mark_paid(world, invoice, received - overpaid)
    announce(world, invoice, before)
    world.emit("invoice.paid", invoice)
    world.emit("invoice.payment_succeeded", invoice)
    if overpaid:
        world.emit("invoice.overpaid", invoice)
    if payment is not None:
        records.close(world, payment, paid=received)
    _note_delinquency(world, invoice, delinquent=False)


@when("payment_intent.payment_failed")
def declined(world: World, intent: Seen) -> None:
    """A card was declined: plan the next attempt, or say that there is none."""
    invoice = _invoice_of(world, intent)
    if invoice is None or invoice["status"] not in PAYABLE:
        return
    error = intent["last_payment_error"] or {}
    card = (error.get("payment_method") or {}).get("id")
    invoice["_refused_card"] = card if dunning.is_hard(intent) else None
    _failed(world, invoice, automatic=bool(invoice.pop("_automatic", False)))


@when("payment_intent.requires_action")
def needs_action(world: World, intent: Seen) -> None:
    """The customer has to authenticate: attempted, and not counted."""
    invoice = _invoice_of(world, intent)
    if invoice is None or invoice["status"] not in PAYABLE:
        return
    before = remember(invoice)
    automatic = bool(invoice.pop("_automatic", False))
    invoice["attempted"] = True
    if automatic:
        _count(invoice, automatic=True)
        _plan_next(world, invoice)
    announce(world, invoice, before)
    world.emit("invoice.payment_action_required", invoice)
    if automatic:
        world.emit("invoice.payment_failed", invoice)
        _tell_when_over(world, invoice)


@due("invoice.overdue")
def overdue(world: World, ident: str) -> None:
    """The due date of an open invoice has passed."""
    world.emit("invoice.overdue", world.get(KIND, ident))


def settle_without_payment(world: World, invoice: Obj) -> None:
    """Nothing is due: paid at once, attempted and never counted."""
    before = remember(invoice)
    mark_paid(world, invoice, 0)
    announce(world, invoice, before)
    world.emit("invoice.paid", invoice)
    world.emit("invoice.payment_succeeded", invoice)


def mark_paid(world: World, invoice: Obj, amount: int) -> None:
    """Set an invoice's fields as those of one that is paid, with so much more (minor units)."""
    invoice |= {
        "status": "paid",
        "attempted": True,
        "auto_advance": False,
        "amount_paid": invoice["amount_paid"] + amount,
    }
    invoice["amount_remaining"] = invoice["amount_due"] - invoice["amount_paid"]
    invoice["status_transitions"]["paid_at"] = world.now(invoice)
    rest(world, invoice)


def rest(world: World, invoice: Obj) -> None:
    """Nothing more happens to an invoice by itself."""
    plan(world, invoice, None)
    for timer in ("invoice.finalize", "invoice.overdue"):
        world.stop_timer(timer, invoice)


def send(world: World, invoice: Obj) -> None:
    """Send an open invoice to its customer."""
    world.emit("invoice.sent", invoice)


def _failed(world: World, invoice: Obj, *, automatic: bool) -> None:
    before = remember(invoice)
    first = invoice["attempt_count"] == 0
    _count(invoice, automatic=automatic)
    if automatic or first:
        _plan_next(world, invoice)
    announce(world, invoice, before)
    world.emit("invoice.payment_failed", invoice)
    _note_delinquency(world, invoice, delinquent=True)
    if automatic or first:
        _tell_when_over(world, invoice)


def _count(invoice: Obj, *, automatic: bool) -> None:
    invoice["attempted"] = True
    if automatic or invoice["attempt_count"] == 0:
        invoice["attempt_count"] += 1


def _plan_next(world: World, invoice: Obj) -> None:
    plan(world, invoice, dunning.next_attempt(world, invoice))


def _tell_when_over(world: World, invoice: Seen) -> None:
    """After the last attempt of an invoice that is collected automatically, say so."""
    collected = invoice["auto_advance"] and invoice["billing_reason"] != "subscription_create"
    if collected and invoice["status"] == "open" and invoice["next_payment_attempt"] is None:
        world.signal("invoice.dunning_exhausted", invoice)


def _note_delinquency(world: World, invoice: Seen, *, delinquent: bool) -> None:
    """A customer is delinquent from a failed payment until one succeeds."""
    if world.get("customer", invoice["customer"])["delinquent"] is not delinquent:
        owner = world.edit("customer", invoice["customer"])
        owner["delinquent"] = delinquent
        world.updated(owner)


def _invoice_of(world: World, intent: Seen) -> Obj | None:
    ident = intent.get("_invoice")
    return world.edit(KIND, ident) if ident else None

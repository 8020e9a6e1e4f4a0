"""Invoice payments: which payment intent pays an invoice, and by how much.

Source: https://docs.stripe.com/api/invoice-payment; fields as recorded.
"""

from tallygate_sandbox import payments
from tallygate_sandbox.api import Call, Evidence, endpoint, expandable, only_expanded, page
from tallygate_sandbox.api.pages import list_of
from tallygate_sandbox.invoices.invoice import KIND as INVOICE
from tallygate_sandbox.world import Obj, Seen, World, index, view_of, when
from tallygate_sandbox.world.world import public

KIND = "invoice_payment"
INTENT = "payment.payment_intent"

SAID = {
    "subscription_create": "Subscription creation",
    "subscription_update": "Subscription update",
}

index(KIND, "invoice", INTENT)
expandable(KIND, invoice=INVOICE, payment__payment_intent="payment_intent")


def ask(world: World, invoice: Seen) -> Obj:
    """Make a payment intent for what remains, by which anybody may pay it, and note it."""
    intent = payments.prepare(
        world,
        customer=invoice["customer"],
        amount=invoice["amount_remaining"],
        currency=invoice["currency"],
        invoice=invoice["id"],
        description=SAID.get(invoice["billing_reason"], "Payment for Invoice"),
        setup_future_usage="off_session" if invoice["parent"] else None,
    )
    return world.add(
        {
            "id": world.ids.new("inpay"),
            "object": KIND,
            "amount_paid": None,
            "amount_requested": intent["amount"],
            "created": world.now(invoice),
            "currency": intent["currency"],
            "customer": invoice["customer"],
            "invoice": invoice["id"],
            "is_default": True,
            "livemode": False,
            "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        }
    )


def payments_of(world: World, invoice: str) -> list[Seen]:
    """An invoice's payments, newest first."""
    return world.where(KIND, "invoice", invoice)[::-1]


def current(world: World, invoice: str) -> Seen | None:
    """The payment by which an invoice is still to be paid."""
    return next((p for p in payments_of(world, invoice) if p["status"] == "open"), None)


def close(world: World, payment: Seen, *, paid: int = 0) -> Obj:
    """A payment has paid this much (minor units), or is canceled."""
    closed = world.edit(KIND, payment["id"])
    now = world.now(closed)
    if paid:
        closed |= {"status": "paid", "amount_paid": paid}
        closed["status_transitions"]["paid_at"] = now
        world.emit("invoice_payment.paid", closed)
    else:
        closed["status"] = "canceled"
        closed["status_transitions"]["canceled_at"] = now
    return closed


def drop(world: World, payment: Seen) -> None:
    """Nothing is to be paid by card any more: cancel the intent, and thereby its payment."""
    payments.cancel(world, payment["payment"]["payment_intent"], "void_invoice")


@when("payment_intent.canceled")
def canceled(world: World, intent: Seen) -> None:
    """An intent that is canceled pays nothing."""
    for payment in world.where(KIND, INTENT, intent["id"]):
        if payment["status"] == "open":
            close(world, payment)


@view_of(KIND)
def shown(world: World, payment: Obj) -> Obj:  # noqa: ARG001  # as views are
    """A payment; its customer, by which it has its time, stays inside."""
    view = public(payment)
    del view["customer"]
    return view


@only_expanded(INVOICE, "payments")
def payments_shown(world: World, invoice: Seen) -> Obj:
    """All payments of an invoice."""
    found = payments_of(world, invoice["id"])
    return list_of("/v1/invoices/payments", [world.view(payment) for payment in found])


@only_expanded(INVOICE, "confirmation_secret")
def confirmation_secret(world: World, invoice: Seen) -> Obj | None:
    """By what a browser confirms the payment; null when nothing was to be paid by card."""
    found = payments_of(world, invoice["id"])
    intent = world.find("payment_intent", found[0]["payment"]["payment_intent"]) if found else None
    if intent is None:
        return None
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}


@endpoint("GET /v1/invoice_payments/{id}", "InvoicePaymentRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint(
    "GET /v1/invoice_payments",
    "InvoicePaymentListParams",
    "created invoice payment.payment_intent payment.type status",
    Evidence.RECORDED,
)
def list_(call: Call) -> Obj:
    invoice, status = call.sent("invoice"), call.sent("status")
    intent = call.sent("payment", {}).get("payment_intent")
    among = None
    if invoice is not None:
        among = payments_of(call.world, invoice)
    elif intent is not None:
        among = call.world.where(KIND, INTENT, intent)[::-1]

    def keep(payment: Seen) -> bool:
        matches = intent is None or payment["payment"]["payment_intent"] == intent
        return matches and status in {None, payment["status"]}

    return page(call, KIND, keep, among)

"""The endpoints of credit notes. Source: https://docs.stripe.com/api/credit_notes."""

from tallygate_sandbox.api import Call, Evidence, endpoint, page
from tallygate_sandbox.api.pages import list_of
from tallygate_sandbox.invoices import balance, collection, records
from tallygate_sandbox.invoices.credit_notes import KIND, ROW, drawn, rows_of
from tallygate_sandbox.invoices.invoice import KIND as INVOICE
from tallygate_sandbox.invoices.invoice import announce, remember
from tallygate_sandbox.payments.refunds import refund
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World

LINE = (
    "amount description invoice_line_item metadata quantity type unit_amount unit_amount_decimal"
)
TAKEN = (
    "amount credit_amount effective_at email_type invoice memo metadata out_of_band_amount reason "
    "refund_amount refunds.refund refunds.amount_refunded refunds.type "
) + " ".join(f"lines.{name}" for name in LINE.split())


@endpoint("POST /v1/credit_notes", "CreditNoteCreateParams", TAKEN, Evidence.DOCUMENTED)
def create(call: Call) -> Obj:
    """Issue a credit note, and let it do its work on the invoice."""
    world = call.world
    invoice = world.edit(INVOICE, call.params["invoice"], "invoice")
    note, rows = drawn(world, invoice, call.params)
    world.add(note)
    for row in rows:
        world.add(row | {"_note": note["id"]})
    before = remember(invoice)
    if note["type"] == "pre_payment":
        _lower(world, invoice, note["total"])
    else:
        invoice["post_payment_credit_notes_amount"] += note["total"]
        _give_back(call, invoice, note)
    world.emit("credit_note.created", note)
    announce(world, invoice, before)
    if note["type"] == "pre_payment" and invoice["status"] == "paid":
        world.emit("invoice.paid", invoice)
    return note


@endpoint("GET /v1/credit_notes/preview", "CreditNotePreviewParams", TAKEN, Evidence.DOCUMENTED)
def preview(call: Call) -> Obj:
    """What create would issue; nothing is done."""
    invoice = call.world.get(INVOICE, call.params["invoice"], "invoice")
    note, rows = drawn(call.world, invoice, call.params)
    return note | {"_rows": rows}


@endpoint("GET /v1/credit_notes/preview/lines", "CreditNotePreviewLinesListParams", TAKEN)
def preview_lines(call: Call) -> Obj:
    invoice = call.world.get(INVOICE, call.params["invoice"], "invoice")
    _, rows = drawn(call.world, invoice, call.params)
    limit = call.sent("limit", 10)
    shown = [call.world.view(row) for row in rows[:limit]]
    return list_of(call.url, shown, more=len(rows) > limit)


@endpoint("GET /v1/credit_notes/{id}", "CreditNoteRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint("POST /v1/credit_notes/{id}", "CreditNoteUpdateParams", "memo metadata")
def update(call: Call) -> Obj:
    note = call.world.edit(KIND, call.path["id"])
    call.change(note, "memo", "metadata")
    call.world.updated(note)
    return note


@endpoint("GET /v1/credit_notes", "CreditNoteListParams", "created customer invoice")
def list_(call: Call) -> Obj:
    wanted = {name: call.sent(name) for name in ("customer", "invoice") if call.sent(name)}
    among = None
    if wanted:
        name, value = next(iter(wanted.items()))
        among = reversed(call.world.where(KIND, name, value))
    return page(call, KIND, lambda note: all(note[k] == v for k, v in wanted.items()), among)


@endpoint("GET /v1/credit_notes/{id}/lines", "CreditNoteListLinesParams")
def list_lines(call: Call) -> Obj:
    note = call.world.get(KIND, call.path["id"])
    return page(call, ROW, among=rows_of(call.world, note["id"]))


@endpoint("POST /v1/credit_notes/{id}/void", "CreditNoteVoidCreditNoteParams")
def void(call: Call) -> Obj:
    """Void a note on an open invoice: what it took off is due again."""
    world = call.world
    note = world.edit(KIND, call.path["id"])
    invoice = world.edit(INVOICE, note["invoice"])
    if note["status"] == "void":
        raise Refusal("This credit note is already voided.")
    if note["type"] != "pre_payment" or invoice["status"] != "open":
        raise Refusal("You can only void credit notes on open invoices.")
    before = remember(invoice)
    _lower(world, invoice, -note["total"])
    note |= {"status": "void", "voided_at": world.now(note)}
    world.emit("credit_note.voided", note)
    announce(world, invoice, before)
    return note


def _lower(world: World, invoice: Obj, amount: int) -> None:
    """Lower what is due of an open invoice (minor units); it is paid when nothing is left."""
    invoice["pre_payment_credit_notes_amount"] += amount
    invoice["amount_due"] -= amount
    invoice["amount_remaining"] -= amount
    pending = records.current(world, invoice["id"])
    if invoice["amount_remaining"] == 0:
        attempted = invoice["attempted"]
        collection.mark_paid(world, invoice, 0)
        invoice["attempted"] = attempted
        if pending:
            records.drop(world, pending)
    elif pending:
        intent = world.edit("payment_intent", pending["payment"]["payment_intent"])
        intent["amount"] = invoice["amount_remaining"]
        world.edit(records.KIND, pending["id"])["amount_requested"] = invoice["amount_remaining"]


def _give_back(call: Call, invoice: Seen, note: Obj) -> None:
    """Refund what is to be refunded, and credit the balance with what is to be credited."""
    world = call.world
    for linked in call.sent("refunds", []):
        found = world.get("refund", linked.get("refund"), "refunds[refund]")
        amount = linked.get("amount_refunded") or found["amount"]
        note["refunds"].append(_entry(found["id"], amount))
    if amount := call.sent("refund_amount", 0):
        made = refund(world, charge=_charge(world, invoice), amount=amount)
        note["refunds"].append(_entry(made["id"], amount))
    if amount := call.sent("credit_amount", 0):
        moved = balance.move(world, invoice, -amount, "credit_note", credit_note=note["id"])
        assert moved is not None
        note["customer_balance_transaction"] = moved["id"]


def _entry(ident: str, amount: int) -> Obj:
    return {
        "amount_refunded": amount,
        "payment_record_refund": None,
        "refund": ident,
        "type": "refund",
    }


def _charge(world: World, invoice: Seen) -> str:
    """The charge that paid an invoice."""
    for payment in records.payments_of(world, invoice["id"]):
        if payment["status"] == "paid":
            intent = world.get("payment_intent", payment["payment"]["payment_intent"])
            return str(intent["latest_charge"])
    raise Refusal(
        "This invoice was not paid by card: nothing can be refunded.", param="refund_amount"
    )

"""The PDF of a credit note, at the address that its `pdf` names."""

from starlette.responses import Response

from tallygate_sandbox.invoices.credit_notes import KIND, rows_of
from tallygate_sandbox.pages import written
from tallygate_sandbox.pages.invoice_pages import ADDRESS, as_pdf, billed_to, invoice_of
from tallygate_sandbox.pages.web import Visit, page
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World


@page(f"GET {ADDRESS}/credit_notes/{{note}}/pdf")
async def credit_note_pdf(visit: Visit) -> Response:
    world, invoice = visit.world, invoice_of(visit)
    note = world.find(KIND, visit.path["note"])
    if note is None or note["invoice"] != invoice["id"]:
        raise Refusal("There is no such credit note.", status=404)
    return as_pdf(paper(world, invoice, note), f"Credit-note-{note['number']}")


def paper(world: World, invoice: Seen, note: Seen) -> Obj:
    """What stands on a credit note, in the shape of an invoice's (see invoice_pages.paper)."""
    total = _money(note, note["total"])
    rows = [("Subtotal", note["subtotal"]), ("Discount", -note["discount_amount"])]
    rows.append(("Tax", note["total"] - note["total_excluding_tax"]))
    used = [row for row in rows if row[0] == "Subtotal" or row[1]]
    return {
        "title": "Credit note",
        "said": f"{total} {'voided' if note['status'] == 'void' else 'credited'}",
        "last": ("Credited", total),
        "number": note["number"],
        "status": note["status"],
        "seller": invoice["account_name"],
        "customer": billed_to(invoice),
        "issued": written.day(note["effective_at"]),
        "due": None,
        "lines": [_line(note, row) for row in rows_of(world, note["id"])],
        "totals": [(label, _money(note, amount)) for label, amount in used],
        "notes": [f"For invoice {invoice['number']}.", *([note["memo"]] if note["memo"] else [])],
    }


def _line(note: Seen, row: Seen) -> Obj:
    exact = row["unit_amount_decimal"]
    return {
        "description": row["description"] or "Credit",
        "period": "",
        "quantity": "" if row["quantity"] is None else f"{row['quantity']}",
        "rate": "" if exact is None else written.rate(exact, note["currency"]),
        "amount": _money(note, row["amount"]),
    }


def _money(note: Seen, amount: int) -> str:
    return written.money(amount, note["currency"])

"""The page of an invoice: its lines, its totals, a card to pay it with, its PDF; and receipts.

Their addresses are the invoice's `hosted_invoice_url` and `invoice_pdf`.
"""

from starlette.responses import Response

from tallygate_sandbox import payments
from tallygate_sandbox.checkout.asking import attempt
from tallygate_sandbox.checkout.orders import intent_of
from tallygate_sandbox.pages import written
from tallygate_sandbox.pages.cards import OFFERED, chosen
from tallygate_sandbox.pages.pdf import pdf_of
from tallygate_sandbox.pages.web import Visit, guarded, page, see, show
from tallygate_sandbox.payments import methods, numbers
from tallygate_sandbox.wire.refusals import Refusal, missing_param
from tallygate_sandbox.world import Obj, Seen, World

ADDRESS = "/i/{token}"
PAYABLE = ("open", "uncollectible")


@page(f"GET {ADDRESS}")
async def invoice_page(visit: Visit) -> Response:
    return _show(visit, invoice_of(visit), None)


@page(f"POST {ADDRESS}")
async def pay(visit: Visit) -> Response:
    """Pay an open invoice; where the card asks for 3-D Secure, go there first."""
    world, invoice = visit.world, invoice_of(visit)
    number = chosen(visit.form)
    refused = attempt(world, lambda: pay_with(world, invoice, number))
    if refused is not None:
        return _show(visit, invoice, refused)
    intent = intent_of(world, invoice["id"])
    if intent is not None and intent["status"] == "requires_action":
        return see(f"/_pages/3ds/{intent['id']}")
    return see(f"/i/{visit.path['token']}")


@page(f"GET {ADDRESS}/pdf")
async def invoice_pdf(visit: Visit) -> Response:
    invoice = invoice_of(visit)
    return as_pdf(paper(visit.world, invoice), f"Invoice-{invoice['number'] or 'draft'}")


def as_pdf(shown: Obj, name: str) -> Response:
    """The answer that shows a paper (see `paper`) and keeps it under a name."""
    headers = guarded() | {"Content-Disposition": f'inline; filename="{name}.pdf"'}
    return Response(pdf_of(shown), 200, headers, "application/pdf")


@page("GET /_pages/receipts/{charge}")
async def receipt(visit: Visit) -> Response:
    charge = visit.world.get("charge", visit.path["charge"])
    return show("receipt.html", charge=charge, card=written.card(charge["payment_method_details"]))


def pay_with(world: World, invoice: Seen, number: str | None) -> None:
    """Pay an invoice's own intent with a card that was typed.

    Raises:
        Refusal: no card, nothing to pay, or the card is declined (the attempt is kept).
    """
    if not number:
        raise missing_param("card")
    intent = intent_of(world, invoice["id"])
    if intent is None:
        raise Refusal("There is nothing to pay.")
    customer = world.get("customer", invoice["customer"])
    method = methods.add_card(
        world,
        numbers.named(number) or numbers.of_number(number),
        at=world.now(invoice),
        billing_details={"email": customer["email"], "name": customer["name"]},
    )
    ended = payments.confirm(world, intent["id"], method["id"])
    if ended["status"] == "requires_payment_method":
        raise payments.refusal(world, ended)


def paper(world: World, invoice: Seen) -> Obj:
    """What stands on an invoice, written for a reader: the page and the PDF show the same."""
    currency = invoice["currency"]
    view = world.view(invoice)
    lines = world.where("line_item", "invoice", invoice["id"]) or view["lines"]["data"]
    due, total = (written.money(invoice[k], currency) for k in ("amount_remaining", "total"))
    paid = written.day(invoice["status_transitions"]["paid_at"])
    return {
        "title": "Invoice",
        "said": f"{total} paid on {paid}" if invoice["status"] == "paid" else f"{due} due",
        "last": ("Amount due", due),
        "number": invoice["number"] or "Draft",
        "status": invoice["status"],
        "seller": invoice["account_name"],
        "customer": billed_to(invoice),
        "issued": written.day(invoice["status_transitions"]["finalized_at"] or invoice["created"]),
        "due": written.day(invoice["due_date"]) if invoice["due_date"] else None,
        "paid": paid,
        "lines": [_line(line) for line in lines],
        "totals": _totals(world, invoice),
        "amount_due": due,
        "total": total,
        "notes": [text for text in (invoice["description"], invoice["footer"]) if text],
    }


def billed_to(invoice: Seen) -> list[str]:
    """Who an invoice is for, line by line."""
    address = invoice["customer_address"] or {}
    town = " ".join(address[k] for k in ("postal_code", "city") if address.get(k))
    known = [
        invoice["customer_name"],
        invoice["customer_email"],
        address.get("line1"),
        address.get("line2"),
        town,
        address.get("country"),
    ]
    return [text for text in known if text]


def _line(line: Seen) -> Obj:
    exact = (line.get("pricing") or {}).get("unit_amount_decimal")
    quantity = line.get("quantity_decimal") or line["quantity"]
    period = line["period"]
    return {
        "description": line["description"] or "",
        "period": f"{written.day(period['start'])} – {written.day(period['end'])}"
        if period["end"] > period["start"]
        else written.day(period["start"]),
        "quantity": f"{quantity}" if quantity is not None else "",
        "rate": written.rate(exact, line["currency"]) if exact is not None else "",
        "amount": written.money(line["amount"], line["currency"]),
    }


def _totals(world: World, invoice: Seen) -> list[tuple[str, str]]:
    """The sums below the lines; those that change nothing are left out."""
    currency = invoice["currency"]
    rows = [("Subtotal", invoice["subtotal"])]
    off = [
        (_discount(world, o["discount"]), -o["amount"]) for o in invoice["total_discount_amounts"]
    ]
    rows += off
    taxes = sum(tax["amount"] for tax in invoice["total_taxes"] or [])
    if taxes:
        rows.append(("Tax", taxes))
    pretax = sum(one["amount"] for one in invoice["total_pretax_credit_amounts"] or [])
    granted = pretax + sum(amount for _, amount in off)
    if granted:
        rows.append(("Credits", -granted))
    rows.append(("Total", invoice["total"]))
    balance = (invoice["ending_balance"] or 0) - invoice["starting_balance"]
    if balance:
        rows.append(("Applied balance", -balance))
    if invoice["amount_paid"]:
        rows.append(("Paid", -invoice["amount_paid"]))
    return [(label, written.money(amount, currency)) for label, amount in rows]


def _discount(world: World, ident: str) -> str:
    found = world.find("discount", ident)
    coupon = world.find("coupon", found["source"]["coupon"]) if found else None
    return f"Discount ({coupon['name'] or coupon['id']})" if coupon else "Discount"


def invoice_of(visit: Visit) -> Seen:
    """The invoice that an address names by its token. Raises: Refusal, there is none."""
    found = visit.world.where("invoice", "_token", visit.path["token"])
    if not found:
        raise Refusal("There is no such invoice.", status=404)
    return found[0]


def _show(visit: Visit, invoice: Seen, refused: Refusal | None) -> Response:
    world = visit.world
    invoice = world.get("invoice", invoice["id"])
    intent = intent_of(world, invoice["id"]) if invoice["status"] in PAYABLE else None
    return show(
        "invoice.html",
        status=refused.status if refused else 200,
        invoice=invoice,
        paper=paper(world, invoice),
        here=f"/i/{visit.path['token']}",
        payable=intent is not None,
        awaits=intent["id"] if intent and intent["status"] == "requires_action" else None,
        cards=OFFERED,
        refused=refused
        and ("Please choose a card." if refused.param == "card" else refused.message),
    )

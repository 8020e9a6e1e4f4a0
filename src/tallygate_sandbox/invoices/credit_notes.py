"""Credit notes: what an invoice should not have asked for.

Source: https://docs.stripe.com/invoicing/integration/programmatic-credit-notes. On an open invoice
a note lowers what is due; on a paid one it is refunded, credited to the balance, or settled
outside. Assumed: a note of a mere amount shows one line of its own.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tallygate_sandbox.api import expandable
from tallygate_sandbox.api.pages import list_of
from tallygate_sandbox.invoices.invoice import LINE
from tallygate_sandbox.money.discounts import allotted
from tallygate_sandbox.money.rounding import ratio, to_minor
from tallygate_sandbox.wire.refusals import Refusal, missing_param, no_such
from tallygate_sandbox.world import Obj, Seen, World, index, view_of
from tallygate_sandbox.world.world import public

KIND = "credit_note"
ROW = "credit_note_line_item"
EMBEDDED = 10

index(KIND, "invoice", "customer")
index(ROW, "_note")
expandable(
    KIND,
    customer="customer",
    customer_balance_transaction="customer_balance_transaction",
    invoice="invoice",
)


def drawn(world: World, invoice: Seen, params: dict[str, Any]) -> tuple[Obj, list[Obj]]:
    """A credit note and its lines, as asked for; nothing is stored.

    Raises:
        Refusal: nothing to credit, more than there is, or a line of another invoice.
    """
    _check_status(invoice)
    rows = _rows(world, invoice, params)
    total = sum(row["amount"] - row["discount_amount"] + _exclusive(row) for row in rows)
    if total <= 0:
        raise Refusal("The total of a credit note must be positive.", param="amount")
    note = _note(world, invoice, params, rows, total)
    _check_amounts(invoice, note, params)
    return note, rows


@view_of(KIND)
def shown(world: World, note: Obj) -> Obj:
    """A credit note with its first lines."""
    view = public(note)
    rows = note["_rows"] if "_rows" in note else rows_of(world, note["id"])
    view["lines"] = list_of(
        f"/v1/credit_notes/{note['id']}/lines",
        [world.view(row) for row in rows[:EMBEDDED]],
        more=len(rows) > EMBEDDED,
    )
    return view


@view_of(ROW)
def row_shown(world: World, row: Obj) -> Obj:
    """A line with its tax rates; only that of an invoice line names one."""
    view = public(row)
    rates = [tax["tax_rate_details"]["tax_rate"] for tax in row["taxes"]]
    view["tax_rates"] = [world.view(world.get("tax_rate", rate)) for rate in rates]
    if row["type"] == "custom_line_item":
        del view["invoice_line_item"]
    return view


def rows_of(world: World, note: str) -> list[Seen]:
    return world.where(ROW, "_note", note)


def _check_status(invoice: Seen) -> None:
    if invoice["status"] not in {"open", "paid"}:
        raise Refusal(
            "You can only create credit notes for open or paid invoices. This invoice is "
            f"{invoice['status']}.",
            param="invoice",
        )


def _rows(world: World, invoice: Seen, params: dict[str, Any]) -> list[Obj]:
    lines, amount = params.get("lines"), params.get("amount")
    if lines and amount is not None:
        raise Refusal(
            "You may only specify one of these parameters: amount, lines.",
            code="parameters_exclusive",
            param="amount",
        )
    if lines:
        return [_row(world, invoice, line, f"lines[{n}]") for n, line in enumerate(lines)]
    if amount is None:
        sums = ("refund_amount", "credit_amount", "out_of_band_amount")
        amount = sum(params.get(name) or 0 for name in sums)
    if not amount:
        raise missing_param("amount")
    return [_custom(world, {"unit_amount": amount, "quantity": 1})]


def _row(world: World, invoice: Seen, wanted: dict[str, Any], place: str) -> Obj:
    if wanted["type"] == "custom_line_item":
        if wanted.get("unit_amount") is None and wanted.get("unit_amount_decimal") is None:
            raise missing_param(f"{place}[unit_amount]")
        return _custom(world, wanted)
    ident = wanted.get("invoice_line_item")
    if ident is None:
        raise missing_param(f"{place}[invoice_line_item]")
    line = world.find(LINE, ident)
    if line is None or line["invoice"] != invoice["id"]:
        raise no_such("invoice line item", ident, f"{place}[invoice_line_item]", status=400)
    return _of_line(world, line, wanted)


def _custom(world: World, wanted: dict[str, Any]) -> Obj:
    exact = wanted.get("unit_amount_decimal")
    unit = Decimal(wanted["unit_amount"] if exact is None else exact)
    quantity = wanted.get("quantity", 1)
    return _blank(world) | {
        "amount": to_minor(unit * quantity),
        "description": wanted.get("description"),
        "metadata": wanted.get("metadata") or {},
        "quantity": quantity,
        "type": "custom_line_item",
        "unit_amount": int(unit) if unit == unit.to_integral_value() else None,
        "unit_amount_decimal": format(unit, "f"),
    }


def _of_line(world: World, line: Seen, wanted: dict[str, Any]) -> Obj:
    """A part of an invoice's line: its discounts and taxes come along in proportion."""
    whole, quantity = line["amount"], wanted.get("quantity")
    amount = wanted.get("amount")
    if amount is None:
        amount = whole if quantity is None else ratio(whole, quantity, line["quantity"] or 1)
    if abs(amount) > abs(whole):
        raise Refusal("A credit note's line cannot credit more than the invoice's line.")
    off = _share(line["discount_amounts"], amount, whole)
    pretax = _share(line["pretax_credit_amounts"], amount, whole)
    taxes = _share(line["taxes"], amount, whole)
    for part, tax in zip(taxes, line["taxes"], strict=True):
        part["taxable_amount"] = ratio(tax["taxable_amount"], amount, whole or 1)
    return _blank(world) | {
        "amount": amount,
        "description": line["description"],
        "discount_amount": sum(entry["amount"] for entry in off),
        "discount_amounts": off,
        "invoice_line_item": line["id"],
        "metadata": wanted.get("metadata") or {},
        "pretax_credit_amounts": pretax,
        "quantity": line["quantity"] if quantity is None else quantity,
        "taxes": taxes,
        "type": "invoice_line_item",
    }


def _share(entries: Sequence[Seen], part: int, whole: int) -> list[Obj]:
    """These amounts for a part of their line."""
    shares = allotted([Fraction(entry["amount"] * part, whole or 1) for entry in entries])
    return [{**entry, "amount": share} for entry, share in zip(entries, shares, strict=True)]


def _blank(world: World) -> Obj:
    return {
        "id": world.ids.new("cnli"),
        "object": ROW,
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice_line_item": None,
        "livemode": False,
        "pretax_credit_amounts": [],
        "taxes": [],
        "unit_amount": None,
        "unit_amount_decimal": None,
    }


def _exclusive(row: Seen) -> int:
    return sum(tax["amount"] for tax in row["taxes"] if tax["tax_behavior"] == "exclusive")


def _note(
    world: World, invoice: Seen, params: dict[str, Any], rows: Sequence[Obj], total: int
) -> Obj:
    discounts = _merged(rows, "discount_amounts", lambda e: e["discount"])
    taxes = _merged(rows, "taxes", lambda e: e["tax_rate_details"]["tax_rate"])
    off = sum(entry["amount"] for entry in discounts)
    subtotal = sum(row["amount"] for row in rows)
    inclusive = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "inclusive")
    exclusive = sum(_exclusive(row) for row in rows)
    before = total if invoice["status"] == "open" else 0
    count = len(world.where(KIND, "invoice", invoice["id"])) + 1
    ident, now = world.ids.new("cn"), world.now(invoice)
    return {
        "id": ident,
        "object": KIND,
        "amount": total,
        "amount_shipping": 0,
        "created": now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "customer_account": None,
        "customer_balance_transaction": None,
        "discount_amount": off,
        "discount_amounts": discounts,
        "effective_at": params.get("effective_at") or now,
        "invoice": invoice["id"],
        "livemode": False,
        "memo": params.get("memo"),
        "metadata": params.get("metadata") or {},
        "number": f"{invoice['number']}-CN-{count:02d}",
        "out_of_band_amount": params.get("out_of_band_amount"),
        "pdf": f"{invoice['hosted_invoice_url']}/credit_notes/{ident}/pdf",
        "post_payment_amount": total - before,
        "pre_payment_amount": before,
        "pretax_credit_amounts": _merged(rows, "pretax_credit_amounts", _credit_of),
        "reason": params.get("reason"),
        "refunds": [],
        "shipping_cost": None,
        "status": "issued",
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal - inclusive,
        "total": total,
        "total_excluding_tax": total - inclusive - exclusive,
        "total_taxes": taxes,
        "type": "pre_payment" if before else "post_payment",
        "voided_at": None,
    }


def _credit_of(entry: Seen) -> Any:
    return entry.get("discount") or entry.get("credit_balance_transaction")


def _merged(rows: Sequence[Obj], field: str, key: Any) -> list[Obj]:
    """The sums over all lines, one for each discount, rate or credit."""
    sums: dict[Any, Obj] = {}
    for row in rows:
        for entry in row[field]:
            if key(entry) in sums:
                for name in ("amount", "taxable_amount"):
                    if name in entry:
                        sums[key(entry)][name] += entry[name]
            else:
                sums[key(entry)] = dict(entry)
    return list(sums.values())


def _check_amounts(invoice: Seen, note: Seen, params: dict[str, Any]) -> None:
    """What is credited fits what is left, and on a paid invoice it is said where it goes."""
    total = note["total"]
    if note["type"] == "pre_payment":
        if total > invoice["amount_remaining"]:
            raise Refusal(
                "The credit note's amount is greater than what remains on the invoice: "
                f"{invoice['amount_remaining']}.",
                param="amount",
            )
        return
    left = invoice["amount_paid"] - invoice["post_payment_credit_notes_amount"]
    if total > left:
        raise Refusal(
            f"The credit note's amount is greater than what was paid and not credited: {left}.",
            param="amount",
        )
    goes = sum(
        params.get(n) or 0 for n in ("refund_amount", "credit_amount", "out_of_band_amount")
    )
    goes += sum(refund.get("amount_refunded") or 0 for refund in params.get("refunds") or [])
    if goes != total:
        raise Refusal(
            "The sum of refund_amount, credit_amount and out_of_band_amount must equal the credit "
            f"note's total of {total}, and is {goes}.",
            param="credit_amount",
        )

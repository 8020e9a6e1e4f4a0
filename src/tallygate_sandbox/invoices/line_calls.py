"""The endpoints of an invoice's lines: list, add, change, remove.

Source: https://docs.stripe.com/api/invoice-line-item and https://docs.stripe.com/api/invoices/add_lines.
"""

from typing import Any

from tallygate_sandbox.api import Call, endpoint, page
from tallygate_sandbox.invoices import items
from tallygate_sandbox.invoices.drafts import add_row, change_draft, item_behind
from tallygate_sandbox.invoices.endings import let_go
from tallygate_sandbox.invoices.invoice import KIND, LINE, draft, lines_of, remember
from tallygate_sandbox.invoices.item_calls import change_costs, change_item, new_item, rates_of
from tallygate_sandbox.invoices.lines import follow_item
from tallygate_sandbox.products import discounts
from tallygate_sandbox.wire.parameters import merged
from tallygate_sandbox.wire.refusals import Refusal, no_such
from tallygate_sandbox.world import Obj, World

SETTABLE = (
    "amount description discountable discounts metadata period price_data pricing.price quantity "
    "quantity_decimal tax_rates"
)
IN_LINES = " ".join(f"lines.{name}" for name in SETTABLE.split())


@endpoint("GET /v1/invoices/{id}/lines", "InvoiceListLinesParams")
def list_(call: Call) -> Obj:
    invoice = call.world.get(KIND, call.path["id"])
    return page(call, LINE, among=lines_of(call.world, invoice["id"]))


@endpoint(
    "POST /v1/invoices/{id}/add_lines",
    "InvoiceAddLinesParams",
    f"{IN_LINES} lines.invoice_item invoice_metadata",
)
def add_lines(call: Call) -> Obj:
    """Put items that wait, or new ones, on a draft."""
    world, invoice = call.world, draft(call.world, call.path["id"])
    before = remember(invoice)
    for number, wanted in enumerate(call.params["lines"]):
        if waiting := wanted.get("invoice_item"):
            item = world.edit(items.KIND, waiting, f"lines[{number}][invoice_item]")
            if item["invoice"]:
                raise Refusal(
                    f"The invoice item {waiting} is on an invoice already.",
                    param=f"lines[{number}][invoice_item]",
                )
            change_item(world, item, {k: v for k, v in wanted.items() if k != "invoice_item"})
            add_row(world, invoice, item, pulled=True)
        else:
            item = world.add(new_item(world, wanted, invoice))
            add_row(world, invoice, item, pulled=False)
            world.emit("invoiceitem.created", item)
    return _changed(call, invoice, before)


@endpoint(
    "POST /v1/invoices/{id}/update_lines",
    "InvoiceUpdateLinesParams",
    f"{IN_LINES} lines.id invoice_metadata",
)
def update_lines(call: Call) -> Obj:
    world, invoice = call.world, draft(call.world, call.path["id"])
    before = remember(invoice)
    for wanted in call.params["lines"]:
        line = _line(world, invoice, wanted["id"])
        _change(world, invoice, line, {k: v for k, v in wanted.items() if k != "id"})
    return _changed(call, invoice, before)


@endpoint(
    "POST /v1/invoices/{id}/remove_lines",
    "InvoiceRemoveLinesParams",
    "lines.id lines.behavior invoice_metadata",
)
def remove_lines(call: Call) -> Obj:
    """Take lines off a draft: `unassign` lets the item wait again, `delete` deletes it."""
    world, invoice = call.world, draft(call.world, call.path["id"])
    before = remember(invoice)
    for wanted in call.params["lines"]:
        line = _line(world, invoice, wanted["id"])
        behind = item_behind(line)
        if behind is None:
            raise Refusal("Lines of a subscription cannot be removed.", param="lines")
        world.remove(LINE, line["id"])
        let_go(world, world.get(items.KIND, behind), delete_it=wanted["behavior"] == "delete")
    return _changed(call, invoice, before)


@endpoint("POST /v1/invoices/{id}/lines/{line}", "InvoiceLineItemUpdateParams", SETTABLE)
def update(call: Call) -> Obj:
    """Change a line of a draft; the invoice item behind it changes with it."""
    world, invoice = call.world, draft(call.world, call.path["id"])
    before = remember(invoice)
    line = _line(world, invoice, call.path["line"])
    _change(world, invoice, line, call.params)
    change_draft(world, invoice, before)
    return line


def _changed(call: Call, invoice: Obj, before: Any) -> Obj:
    if "invoice_metadata" in call.params:
        invoice["metadata"] = merged(invoice["metadata"], call.params["invoice_metadata"])
    change_draft(call.world, invoice, before)
    return invoice


def _line(world: World, invoice: Obj, ident: str) -> Obj:
    line = world.find(LINE, ident)
    if line is None or line["invoice"] != invoice["id"]:
        raise no_such("invoice line item", ident)
    return world.edit(LINE, ident)


def _change(world: World, invoice: Obj, line: Obj, params: dict[str, Any]) -> None:
    behind = item_behind(line)
    if behind is not None:
        item = world.edit(items.KIND, behind)
        change_item(world, item, params)
        follow_item(line, item)
        return
    Call(world, params, {}).change(line, "description", "discountable", "metadata", "period")
    if "tax_rates" in params:
        line["_tax_rates"] = rates_of(world, params)
    if "discounts" in params:
        line["discounts"] = discounts.redeem(
            world,
            params["discounts"],
            customer=invoice["customer"],
            at=world.now(invoice),
            invoice=invoice["id"],
        )
    change_costs(world, line, params)
    line["subtotal"] = line["amount"]

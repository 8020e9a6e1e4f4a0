"""The endpoints of invoice items. Source: https://docs.stripe.com/api/invoiceitems; recorded."""

from decimal import Decimal
from typing import Any

from tallygate_sandbox.api import Call, Evidence, endpoint, page
from tallygate_sandbox.invoices import prices
from tallygate_sandbox.invoices.drafts import add_row, change_draft, item_behind
from tallygate_sandbox.invoices.endings import let_go
from tallygate_sandbox.invoices.invoice import LINE, draft, lines_of, remember
from tallygate_sandbox.invoices.items import KIND, item_from
from tallygate_sandbox.invoices.lines import NewLine, follow_item, pricing, quantities
from tallygate_sandbox.products import discounts
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World

COSTS = frozenset({"amount", "pricing", "price_data", "unit_amount_decimal", "quantity"})
SETTABLE = (
    "amount description discountable discounts metadata period price_data pricing.price quantity "
    "quantity_decimal tax_behavior tax_rates unit_amount_decimal"
)


@endpoint(
    "POST /v1/invoiceitems",
    "InvoiceItemCreateParams",
    f"{SETTABLE} currency customer invoice subscription",
    Evidence.RECORDED,
)
def create(call: Call) -> Obj:
    """An item on a draft, or one that waits for the next invoice."""
    world, params = call.world, call.params
    invoice = draft(world, params["invoice"], "invoice") if call.sent("invoice") else None
    item = world.add(new_item(world, params, invoice))
    if invoice is not None:
        before = remember(invoice)
        add_row(world, invoice, item, pulled=False)
        change_draft(world, invoice, before)
    world.emit("invoiceitem.created", item)
    return item


def new_item(world: World, params: dict[str, Any], invoice: Seen | None) -> Obj:
    """An item as it is asked for, not yet added and on no invoice.

    Raises:
        Refusal: nobody to bill, another customer's invoice, or nothing that it costs.
    """
    owner = _owner(world, params, invoice)
    currency = _currency(world, params, owner, invoice)
    quantity = quantity_asked(params)
    amount, unit, price = prices.costs(world, params, currency, quantity)
    now = world.now(owner)
    period = params.get("period") or {"start": now, "end": now}
    sub = params.get("subscription")
    if sub is not None:
        world.get("subscription", sub, "subscription")
    line = NewLine(
        amount=amount,
        currency=currency,
        description=params.get("description") or _named(world, params, price),
        period=(period["start"], period["end"]),
        price=price,
        quantity=quantity,
        unit_amount=unit,
        subscription=sub,
        discountable=params.get("discountable", amount >= 0),
        metadata=params.get("metadata") or {},
        tax_rates=rates_of(world, params),
        tax_behavior=params.get("tax_behavior"),
    )
    item = item_from(world, owner["id"], line)
    item["discounts"] = _redeemed(world, params.get("discounts"), item)
    return item


@endpoint("GET /v1/invoiceitems/{id}", "InvoiceItemRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint("POST /v1/invoiceitems/{id}", "InvoiceItemUpdateParams", SETTABLE)
def update(call: Call) -> Obj:
    """Change an item that waits, or that is on a draft."""
    world = call.world
    item = world.edit(KIND, call.path["id"])
    invoice = draft(world, item["invoice"]) if item["invoice"] else None
    before = remember(invoice) if invoice else None
    change_item(world, item, call.params)
    if invoice is not None:
        follow_item(line_of(world, item), item)
        change_draft(world, invoice, before)
    return item


def change_item(world: World, item: Obj, params: dict[str, Any]) -> None:
    """Set what was sent of an item."""
    call = Call(world, params, {})
    call.change(item, "description", "discountable", "metadata", "period")
    if "tax_behavior" in params:
        item["_tax_behavior"] = params["tax_behavior"]
    if "tax_rates" in params:
        item["_tax_rates"] = rates_of(world, params)
    if "discounts" in params:
        item["discounts"] = _redeemed(world, params["discounts"], item)
    change_costs(world, item, params)
    item["net_amount"] = None if item["discountable"] else item["amount"]


@endpoint("DELETE /v1/invoiceitems/{id}", "InvoiceItemDeleteParams")
def delete(call: Call) -> Obj:
    """Delete an item that waits or is on a draft."""
    world = call.world
    item = world.get(KIND, call.path["id"])
    if item["invoice"]:
        invoice = draft(world, item["invoice"])
        before = remember(invoice)
        world.remove(LINE, line_of(world, item)["id"])
        let_go(world, item, delete_it=True)
        change_draft(world, invoice, before)
    else:
        let_go(world, item, delete_it=True)
    return {"id": item["id"], "object": KIND, "deleted": True}


@endpoint("GET /v1/invoiceitems", "InvoiceItemListParams", "created customer invoice pending")
def list_(call: Call) -> Obj:
    customer, invoice, pending = map(call.sent, ("customer", "invoice", "pending"))
    among = None
    if invoice:
        among = reversed(call.world.where(KIND, "invoice", invoice))
    elif customer:
        among = reversed(call.world.where(KIND, "customer", customer))

    def keep(item: Seen) -> bool:
        waits = item["invoice"] is None
        return customer in {None, item["customer"]} and pending in {None, waits}

    return page(call, KIND, keep, among)


def line_of(world: World, item: Seen) -> Obj:
    """The line of an item that is on an invoice, to be changed."""
    lines = lines_of(world, item["invoice"])
    found = next(line for line in lines if item_behind(line) == item["id"])
    return world.edit(LINE, found["id"])


def quantity_asked(params: dict[str, Any]) -> Decimal:
    """How many, as an integer or as a decimal; 1 unless said.

    Raises:
        Refusal: both, or below zero.
    """
    if params.get("quantity") is not None and params.get("quantity_decimal") is not None:
        raise Refusal(
            "You may only specify one of these parameters: quantity, quantity_decimal.",
            code="parameters_exclusive",
            param="quantity_decimal",
        )
    asked = params.get("quantity_decimal", params.get("quantity"))
    quantity = Decimal(1 if asked is None else asked)
    if quantity < 0:
        raise Refusal("Invalid non-negative integer", param="quantity")
    return quantity


def change_costs(world: World, item: Obj, params: dict[str, Any]) -> None:
    """Compute an item's amount anew: from what was sent, else from the price that it had."""
    if not (COSTS | {"quantity_decimal"}) & params.keys():
        return
    quantity = Decimal(item["quantity_decimal"])
    if params.get("quantity") is not None or params.get("quantity_decimal") is not None:
        quantity = quantity_asked(params)
    elif params.get("amount") is not None:
        quantity = Decimal(1)
    wanted = {name: params[name] for name in COSTS & params.keys()}
    if not wanted.keys() - {"quantity"}:
        wanted = {"unit_amount_decimal": item["pricing"]["unit_amount_decimal"]}
        kept = world.get("price", item["pricing"]["price_details"]["price"])
        if kept["transform_quantity"]:
            wanted = {"pricing": {"price": kept["id"]}}
    amount, unit, price = prices.costs(world, wanted, item["currency"], quantity)
    if "unit_amount_decimal" in wanted and "unit_amount_decimal" not in params:
        price = world.get("price", item["pricing"]["price_details"]["price"])
    said = NewLine(amount, item["currency"], None, (0, 0), price=price, unit_amount=unit)
    item |= {"amount": amount, "pricing": pricing(said), **quantities(quantity)}


def rates_of(world: World, params: dict[str, Any]) -> list[str]:
    rates = list(params.get("tax_rates") or [])
    for rate in rates:
        world.get("tax_rate", rate, "tax_rates")
    return rates


def _owner(world: World, params: dict[str, Any], invoice: Seen | None) -> Seen:
    named = params.get("customer")
    if invoice is not None:
        if named not in {None, invoice["customer"]}:
            raise Refusal(
                f"The invoice {invoice['id']} belongs to another customer.", param="customer"
            )
        named = invoice["customer"]
    if named is None and params.get("subscription"):
        sub = world.get("subscription", params["subscription"], "subscription")
        named = sub["customer"]
    if named is None:
        raise Refusal("You must pass a customer.", code="parameter_missing", param="customer")
    return world.get("customer", named, "customer")


def _currency(world: World, params: dict[str, Any], owner: Seen, invoice: Seen | None) -> str:
    """What was asked for, else that of the price, the invoice or the customer."""
    named = (params.get("pricing") or {}).get("price")
    inline = params.get("price_data") or {}
    asked = params.get("currency") or inline.get("currency")
    if invoice is not None:
        if asked not in {None, invoice["currency"]} and lines_of(world, invoice["id"]):
            raise Refusal(
                f"You cannot combine currencies on one invoice: it is in {invoice['currency']}.",
                param="currency",
            )
        return str(invoice["currency"])
    price = world.find("price", named)
    found = asked or (price["currency"] if price else None) or owner["currency"] or "usd"
    return str(found).lower()


def _named(world: World, params: dict[str, Any], price: Seen) -> str | None:
    """An item with a price is called like its product; a mere amount has no name."""
    if not params.get("pricing") and not params.get("price_data"):
        return None
    return str(world.get("product", price["product"])["name"])


def _redeemed(world: World, entries: list[dict[str, Any]] | None, item: Seen) -> list[str]:
    return discounts.redeem(
        world, entries, customer=item["customer"], at=world.now(item), invoice_item=item["id"]
    )

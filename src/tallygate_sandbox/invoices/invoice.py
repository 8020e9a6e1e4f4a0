"""The invoice itself: its fields, how it is shown, and when it may be changed.

Source: https://docs.stripe.com/api/invoices/object; fields as recorded.
"""

from typing import Any

from tallygate_sandbox.api import expandable
from tallygate_sandbox.api.pages import list_of
from tallygate_sandbox.invoices import balance
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World, index, view_of
from tallygate_sandbox.world.events import changed_fields
from tallygate_sandbox.world.objects import decode, encode
from tallygate_sandbox.world.world import public

KIND = "invoice"
LINE = "line_item"
SUBSCRIPTION = "parent.subscription_details.subscription"
EMBEDDED = 10  # lines that an invoice shows itself
FROM_CUSTOMER = ("address", "email", "name", "phone", "shipping", "tax_exempt")
NO_TAX: Obj = {
    "disabled_reason": None,
    "enabled": False,
    "liability": None,
    "provider": None,
    "status": None,
}

index(KIND, "customer", SUBSCRIPTION, "_token")
index(LINE, "invoice")
expandable(
    KIND,
    customer="customer",
    default_payment_method="payment_method",
    discounts="discount",
    from_invoice__invoice="invoice",
    latest_revision="invoice",
    test_clock="test_helpers.test_clock",
)
# Hashes inside an invoice and its lines have no name of their own.
expandable("", discount="discount", subscription="subscription", price="price", product="product")
expandable("", credit_balance_transaction="billing.credit_balance_transaction")


def blank(
    world: World, customer: Seen, currency: str, reason: str, period: tuple[int, int]
) -> Obj:
    """A draft without lines, not yet added."""
    ident, now = world.ids.new("in"), world.now(customer)
    invoice: Obj = {
        "id": ident,
        "object": KIND,
        "account_country": "US",
        "account_name": "Sandbox",
        "account_tax_ids": None,
        "amount_due": 0,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": 0,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": False,
        "automatic_tax": dict(NO_TAX),
        "automatically_finalizes_at": None,
        "billing_reason": reason,
        "collection_method": "charge_automatically",
        "created": now,
        "currency": currency,
        "custom_fields": None,
        "customer": customer["id"],
        "customer_account": None,
        "default_payment_method": None,
        "default_source": None,
        "description": None,
        "discounts": [],
        "due_date": None,
        "effective_at": None,
        "ending_balance": None,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": None,
        "number": None,
        "on_behalf_of": None,
        "parent": None,
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": period[1],
        "period_start": period[0],
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": 0,
        "statement_descriptor": None,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "test_clock": customer["test_clock"],
        "total_discount_amounts": [],
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": now,
        "_tax_rates": [],
        "_token": None,
    }
    copy_customer(world, invoice, customer)
    return invoice


def copy_customer(world: World, invoice: Obj, customer: Seen) -> None:
    """What a draft says of its customer follows the customer until it is finalized."""
    for name in FROM_CUSTOMER:
        invoice[f"customer_{name}"] = customer[name]
    ids = world.where("tax_id", "customer", customer["id"])
    invoice["customer_tax_ids"] = [{"type": i["type"], "value": i["value"]} for i in ids]


@view_of(KIND)
def shown(world: World, invoice: Obj) -> Obj:
    """An invoice with its first lines; a draft with the customer's balance as it is now."""
    view = public(invoice)
    if "deleted" in invoice:
        return view
    lines = invoice.get("_lines") or lines_of(world, invoice["id"])
    here = lines if "_lines" in invoice else lines[:EMBEDDED]
    view["lines"] = list_of(
        f"/v1/invoices/{invoice['id']}/lines",
        [world.view(line) for line in here],
        more=len(here) < len(lines),
    )
    view["default_tax_rates"] = [
        world.view(world.get("tax_rate", rate)) for rate in invoice["_tax_rates"]
    ]
    if invoice["status"] == "draft" and "_lines" not in invoice:
        view |= balance.due_before(world, invoice)
    return view


def lines_of(world: World, invoice: str) -> list[Seen]:
    """A stored invoice's lines, in Stripe's order: pending items, subscription items, later ones.

    Source: the description of `lines` on https://docs.stripe.com/api/invoices/object.
    """
    return sorted(world.where(LINE, "invoice", invoice), key=lambda line: int(line["_rank"]))


def draft(world: World, ident: str, param: str | None = None) -> Obj:
    """The draft, to be changed.

    Raises:
        Refusal: no such invoice, or it is finalized.
    """
    invoice = world.edit(KIND, ident, param)
    if invoice["status"] != "draft":
        raise Refusal(
            f"This invoice is no longer editable: its status is {invoice['status']}.",
            code="invoice_not_editable",
        )
    return invoice


def subscription_of(world: World, invoice: Seen) -> Seen | None:
    """The subscription that an invoice was made for."""
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    return world.find("subscription", details.get("subscription"))


def remember(invoice: Seen) -> Any:
    """An invoice's fields as they are now, for `announce`."""
    return encode(public(invoice))


def announce(world: World, invoice: Seen, before: Any) -> None:
    """Log `invoice.updated` with what has changed since it was remembered, if anything has."""
    if previous := changed_fields(decode(before), public(invoice)):
        world.emit("invoice.updated", invoice, previous)

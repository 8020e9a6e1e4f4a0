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
SETTINGS = ("default_mandate", "payment_method_options", "payment_method_types")
TRANSITIONS = ("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")

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


NOTHING = (  # what is null on a new draft
    "account_tax_ids",
    "application",
    "automatically_finalizes_at",
    "custom_fields",
    "customer_account",
    "default_payment_method",
    "default_source",
    "description",
    "due_date",
    "effective_at",
    "ending_balance",
    "footer",
    "from_invoice",
    "hosted_invoice_url",
    "invoice_pdf",
    "last_finalization_error",
    "latest_revision",
    "next_payment_attempt",
    "number",
    "on_behalf_of",
    "parent",
    "receipt_number",
    "rendering",
    "shipping_cost",
    "shipping_details",
    "statement_descriptor",
    "_token",
)
ZERO = (
    "amount_due",
    "amount_overpaid",
    "amount_paid",
    "amount_remaining",
    "amount_shipping",
    "attempt_count",
    "post_payment_credit_notes_amount",
    "pre_payment_credit_notes_amount",
    "starting_balance",
)


def blank(
    world: World, customer: Seen, currency: str, reason: str, period: tuple[int, int]
) -> Obj:
    """A draft without lines, not yet added."""
    ident, now = world.ids.new("in"), world.now(customer)
    invoice: Obj = {
        **dict.fromkeys(NOTHING),
        **dict.fromkeys(ZERO, 0),
        "id": ident,
        "object": KIND,
        "account_country": "US",
        "account_name": "Sandbox",
        "attempted": False,
        "auto_advance": False,
        "automatic_tax": dict(NO_TAX),
        "billing_reason": reason,
        "collection_method": "charge_automatically",
        "created": now,
        "currency": currency,
        "customer": customer["id"],
        "discounts": [],
        "issuer": {"type": "self"},
        "livemode": False,
        "metadata": {},
        "payment_settings": dict.fromkeys(SETTINGS),
        "period_end": period[1],
        "period_start": period[0],
        "status": "draft",
        "status_transitions": dict.fromkeys(TRANSITIONS),
        "test_clock": customer["test_clock"],
        "total_discount_amounts": [],
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": now,
        "_tax_rates": [],
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

"""The endpoints of invoices, but for how they end. Source: https://docs.stripe.com/api/invoices."""

from typing import Any

from tallygate_sandbox.api import Call, Evidence, endpoint, page
from tallygate_sandbox.api.pages import within
from tallygate_sandbox.api.search import NUMBER, TEXT, TOKEN, search
from tallygate_sandbox.invoices import collection
from tallygate_sandbox.invoices.drafts import DAY, advance, change_draft, create_draft
from tallygate_sandbox.invoices.finalization import COLLECTED_AFTER
from tallygate_sandbox.invoices.invoice import (
    KIND,
    SUBSCRIPTION,
    announce,
    remember,
)
from tallygate_sandbox.payments import sources
from tallygate_sandbox.products import discounts
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World
from tallygate_sandbox.world.objects import reach

PLAIN = (
    "custom_fields default_payment_method default_source description effective_at footer metadata "
    "number statement_descriptor"
)
TAKEN = (
    f"{PLAIN} auto_advance automatic_tax.enabled automatic_tax.liability.type "
    "automatically_finalizes_at collection_method "
    "days_until_due default_tax_rates discounts due_date payment_settings.default_mandate "
    "payment_settings.payment_method_types rendering.amount_tax_display rendering.pdf"
)
# Of a finalized invoice only these may change: https://docs.stripe.com/api/invoices/update.
STILL_OPEN = frozenset(
    {"auto_advance", "default_payment_method", "default_source", "due_date", "expand"}
    | {"metadata"}
    | {"payment_settings", "statement_descriptor"}
)
STILL_PLAIN = ("default_payment_method", "default_source", "metadata", "statement_descriptor")
RENDERING: Obj = {
    "amount_tax_display": None,
    "pdf": {"page_size": "auto"},
    "template": None,
    "template_version": None,
}
SEARCHED = {
    "created": NUMBER,
    "currency": TOKEN,
    "customer": TOKEN,
    "number": TEXT,
    "receipt_number": TEXT,
    "status": TEXT,
    "subscription": TOKEN,
    "total": NUMBER,
}


@endpoint(
    "POST /v1/invoices",
    "InvoiceCreateParams",
    f"{TAKEN} currency customer pending_invoice_items_behavior subscription",
    Evidence.RECORDED,
)
def create(call: Call) -> Obj:
    """A draft; what waits for the customer, or for the subscription, joins it when asked for."""
    world = call.world
    sub = None
    if call.sent("subscription"):
        sub = world.get("subscription", call.params["subscription"], "subscription")
    customer = _customer(call, sub)
    _check_source(call, customer["id"])
    _check_terms(call, call.sent("collection_method", "charge_automatically"), customer)
    ident, now = world.ids.new("in"), world.now(customer)
    known = sub["currency"] if sub else customer["currency"]
    redeemed = discounts.redeem(
        world, call.sent("discounts"), customer=customer["id"], at=now, invoice=ident
    )
    return create_draft(
        world,
        customer=customer["id"],
        currency=call.sent("currency", known or "usd").lower(),
        reason="manual",
        period=(now, now),
        subscription=sub,
        collection_method=call.sent("collection_method", "charge_automatically"),
        days_until_due=call.sent("days_until_due"),
        auto_advance=bool(call.sent("auto_advance")),
        discounts=redeemed,
        include_pending=call.sent("pending_invoice_items_behavior") == "include",
        more={"id": ident, **_fields_sent(call)},
    )


@endpoint("GET /v1/invoices/{id}", "InvoiceRetrieveParams", evidence=Evidence.RECORDED)
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint("POST /v1/invoices/{id}", "InvoiceUpdateParams", TAKEN)
def update(call: Call) -> Obj:
    """A draft changes as it likes; a finalized invoice in what is not its amounts."""
    world = call.world
    invoice = world.edit(KIND, call.path["id"])
    before = remember(invoice)
    _check_source(call, invoice["customer"])
    if invoice["status"] != "draft":
        _change_finalized(call, invoice)
        announce(world, invoice, before)
        return invoice
    customer = world.get("customer", invoice["customer"])
    invoice["collection_method"] = call.sent("collection_method", invoice["collection_method"])
    _check_terms(call, invoice["collection_method"], customer, invoice)
    call.change(invoice, *PLAIN.split())
    _change_draft_fields(call, invoice)
    _change_course(call, invoice)
    change_draft(world, invoice, before)
    return invoice


@endpoint(
    "GET /v1/invoices",
    "InvoiceListParams",
    "collection_method created customer due_date status subscription",
)
def list_(call: Call) -> Obj:
    """Invoices; those of a test clock only with a customer or a subscription."""
    customer, sub, due = map(call.sent, ("customer", "subscription", "due_date"))
    wanted = {k: call.sent(k) for k in ("collection_method", "status") if call.sent(k)}
    at = within({"gte": due, "lte": due} if isinstance(due, int) else due or {}, _due_date)
    among = None
    if sub:
        among = reversed(call.world.where(KIND, SUBSCRIPTION, sub))
    elif customer:
        among = reversed(call.world.where(KIND, "customer", customer))

    def keep(invoice: Seen) -> bool:
        if among is None and invoice["test_clock"]:
            return False
        of_them = customer in {None, invoice["customer"]}
        return of_them and (due is None or at(invoice)) and _matches(invoice, wanted)

    return page(call, KIND, keep, among)


@endpoint("GET /v1/invoices/search", "InvoiceSearchParams", "page query", Evidence.DOCUMENTED)
def search_(call: Call) -> Obj:
    return search(call, KIND, SEARCHED, {"subscription": SUBSCRIPTION})


def _matches(invoice: Seen, wanted: dict[str, Any]) -> bool:
    return all(reach(invoice, name) == value for name, value in wanted.items())


def _due_date(invoice: Seen) -> int | None:
    due: int | None = invoice["due_date"]
    return due


def _customer(call: Call, sub: Seen | None) -> Seen:
    named = call.sent("customer") or (sub["customer"] if sub else None)
    if named is None:
        raise Refusal(
            "You must pass a customer or a subscription.",
            code="parameter_missing",
            param="customer",
        )
    if sub is not None and sub["customer"] != named:
        raise Refusal("The subscription belongs to another customer.", param="subscription")
    found = call.world.get("customer", named, "customer")
    if "_deleted" in found:
        raise Refusal(f"No such customer: '{named}'", code="resource_missing", param="customer")
    return found


def _check_source(call: Call, customer: str) -> None:
    """Refuse a default source that is not this customer's."""
    if source := call.sent("default_source"):
        sources.owned(call.world, customer, source, "default_source", status=400)


def _check_terms(call: Call, method: str, customer: Seen, invoice: Seen | None = None) -> None:
    """When it is due makes sense only where it is sent, and there it is needed.

    Raises:
        Refusal: parameters that do not go together.
    """
    days, due = call.sent("days_until_due"), call.sent("due_date")
    if days is not None and due is not None:
        raise Refusal(
            "You may only specify one of these parameters: days_until_due, due_date.",
            code="parameters_exclusive",
            param="days_until_due",
        )
    if method == "charge_automatically" and (days is not None or due is not None):
        raise Refusal(
            "You can only set `days_until_due` or `due_date` if collection_method is "
            "`send_invoice`.",
            param="due_date" if days is None else "days_until_due",
        )
    has_date = days is not None or due is not None or (invoice is not None and invoice["due_date"])
    if method == "send_invoice" and not has_date:
        raise Refusal(
            "If the `collection_method` is 'send_invoice', you must include either "
            "`days_until_due` or `due_date`.",
            code="parameter_missing",
            param="days_until_due",
        )
    if due is not None and due < call.world.now(customer):
        raise Refusal("Invalid timestamp: must be an integer in the future", param="due_date")
    at = call.sent("automatically_finalizes_at")
    if at is not None and at <= call.world.now(customer):
        raise Refusal(
            "`automatically_finalizes_at` must be in the future.",
            param="automatically_finalizes_at",
        )


def _fields_sent(call: Call) -> dict[str, Any]:
    """The fields of a new invoice that were sent."""
    plain = (*PLAIN.split(), "automatic_tax", "automatically_finalizes_at", "due_date")
    fields = {name: call.sent(name) for name in plain if call.sent(name) is not None}
    rates = call.sent("default_tax_rates", [])
    for rate in rates:
        call.world.get("tax_rate", rate, "default_tax_rates")
    fields |= {"default_tax_rates": rates, "payment_settings": call.sent("payment_settings", {})}
    fields["rendering"] = _rendering(RENDERING, call)
    return fields


def _rendering(before: Obj, call: Call) -> Obj:
    sent: Obj = call.sent("rendering", {})
    return before | sent | {"pdf": before["pdf"] | sent.get("pdf", {})}


def _change_draft_fields(call: Call, invoice: Obj) -> None:
    world = call.world
    if "default_tax_rates" in call.params:
        invoice["_tax_rates"] = _fields_sent(call)["default_tax_rates"]
    if "discounts" in call.params:
        invoice["discounts"] = discounts.redeem(
            world,
            call.sent("discounts"),
            customer=invoice["customer"],
            at=world.now(invoice),
            invoice=invoice["id"],
        )
    if days := call.sent("days_until_due"):
        invoice["due_date"] = invoice["created"] + days * DAY
    call.change(invoice, "due_date")
    invoice["payment_settings"] |= call.sent("payment_settings", {})
    if call.sent("rendering"):
        invoice["rendering"] = _rendering(invoice["rendering"] or RENDERING, call)
    if tax := call.sent("automatic_tax"):
        on = tax["enabled"]
        blank: Obj = dict.fromkeys(invoice["automatic_tax"])
        told = {"liability": {"type": "self"}, "provider": "stripe"} if on else {}
        invoice["automatic_tax"] = blank | {"enabled": on} | told


def _change_course(call: Call, invoice: Obj) -> None:
    """Whether and when a draft finalizes itself."""
    at = call.sent("automatically_finalizes_at")
    if "auto_advance" in call.params or at is not None:
        goes_on = call.sent("auto_advance", invoice["auto_advance"])
        if at is not None and not goes_on:
            raise Refusal(
                "`automatically_finalizes_at` needs `auto_advance` to be true.",
                param="automatically_finalizes_at",
            )
        advance(call.world, invoice, auto_advance=goes_on, at=at)


def _change_finalized(call: Call, invoice: Obj) -> None:
    allowed = STILL_OPEN if invoice["status"] == "open" else {"metadata", "expand"}
    for name in call.params.keys() - allowed:
        raise Refusal(
            "Finalized invoices can't be updated in this way",
            code="invoice_not_editable",
            param=name,
        )
    call.change(invoice, *STILL_PLAIN)
    invoice["payment_settings"] |= call.sent("payment_settings", {})
    if due := call.sent("due_date"):
        invoice["due_date"] = due
        call.world.set_timer("invoice.overdue", invoice, due)
    if "auto_advance" in call.params:
        _let_advance(call.world, invoice, on=bool(call.params["auto_advance"]))


def _let_advance(world: World, invoice: Obj, *, on: bool) -> None:
    """Collect an open invoice automatically from now on, or no longer."""
    invoice["auto_advance"] = on
    charged = invoice["collection_method"] == "charge_automatically"
    if on and charged and invoice["next_payment_attempt"] is None:
        collection.plan(world, invoice, world.now(invoice) + COLLECTED_AFTER)
    elif not on:
        collection.plan(world, invoice, None)

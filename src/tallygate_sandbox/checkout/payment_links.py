"""Payment links: an address that anyone may open; each visit opens a checkout session.

Source: https://docs.stripe.com/api/payment-link; fields from the SDK. Metered prices are refused:
each line needs a quantity, and theirs is not known before.
"""

from tallygate_sandbox.api import Call, endpoint, expandable, only_expanded, page
from tallygate_sandbox.checkout import managed
from tallygate_sandbox.checkout.lines import (
    add_lines,
    lines_of,
    page_of_lines,
    price_of,
    shown_lines,
)
from tallygate_sandbox.checkout.link_settings import refuse_wrong, settings, subscription_data
from tallygate_sandbox.checkout.orders import sellable
from tallygate_sandbox.checkout.sessions import open_session
from tallygate_sandbox.checkout.updates import change_line
from tallygate_sandbox.wire.refusals import Refusal, no_such
from tallygate_sandbox.world import Obj, Seen, World, index, view_of, when
from tallygate_sandbox.world.world import public

KIND = "payment_link"
MAX_LINES = 20
COMMON = (
    "after_completion allow_promotion_codes automatic_tax.enabled automatic_tax.liability.type "
    "billing_address_collection "
    "custom_text customer_creation inactive_message invoice_creation.enabled "
    "invoice_creation.invoice_data.description invoice_creation.invoice_data.footer "
    "invoice_creation.invoice_data.metadata metadata payment_intent_data.description "
    "payment_intent_data.metadata payment_intent_data.setup_future_usage "
    "payment_method_collection phone_number_collection restrictions submit_type "
    "subscription_data.invoice_settings.custom_fields "
    "subscription_data.invoice_settings.description subscription_data.invoice_settings.footer "
    "subscription_data.invoice_settings.issuer.type "
    "subscription_data.metadata subscription_data.trial_period_days "
    "subscription_data.trial_settings tax_id_collection"
)

index(KIND, "_token")
expandable(KIND, application="application")


@endpoint(
    "POST /v1/payment_links",
    "PaymentLinkCreateParams",
    f"{COMMON} currency line_items.metadata line_items.price line_items.price_data "
    "line_items.quantity line_items.adjustable_quantity managed_payments "
    "subscription_data.description",
)
def create(call: Call) -> Obj:
    world, params = call.world, call.params
    managed.refuse_wrong(params)
    if not 1 <= len(params["line_items"]) <= MAX_LINES:
        raise Refusal(f"A payment link has 1 to {MAX_LINES} lines.", param="line_items")
    refuse_wrong(params, world.now())
    token = world.ids.token(18)
    link = world.add(
        {
            "id": world.ids.new("plink"),
            "object": KIND,
            "active": True,
            "application": None,
            "application_fee_amount": None,
            "application_fee_percent": None,
            "consent_collection": None,
            "custom_fields": [],
            "livemode": False,
            "managed_payments": {"enabled": managed.wanted(params)},
            "metadata": params.get("metadata") or {},
            "on_behalf_of": None,
            "payment_method_options": None,
            "payment_method_types": None,
            "shipping_address_collection": None,
            "shipping_options": [],
            "transfer_data": None,
            "url": f"{call.base_url}/b/test_{token}",
            "_token": f"test_{token}",
            "_base_url": call.base_url,
            "_completed": 0,
            **settings({}, params),
        }
    )
    link["currency"], link["_lines"] = add_lines(
        world, link, params["line_items"], params.get("currency")
    )
    recurs = _recurs(world, link)
    if params.get("subscription_data") and not recurs:
        raise Refusal("`subscription_data` needs a recurring price.", param="subscription_data")
    sent = params.get("subscription_data") or {}
    link["_invoice_settings"] = sent.get("invoice_settings")
    link["subscription_data"] = subscription_data({}, sent) if recurs else None
    world.emit("payment_link.created", link)
    return link


@endpoint("GET /v1/payment_links/{id}", "PaymentLinkRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint(
    "POST /v1/payment_links/{id}",
    "PaymentLinkUpdateParams",
    f"{COMMON} active line_items.id line_items.quantity line_items.adjustable_quantity",
)
def update(call: Call) -> Obj:
    world, params = call.world, call.params
    link = world.edit(KIND, call.path["id"])
    refuse_wrong(params, world.now())
    call.change(link, "active", "metadata")
    link |= settings(link, params)
    if params.get("subscription_data") and link["subscription_data"]:
        known = link["subscription_data"]
        told = params["subscription_data"].get("invoice_settings")
        link["_invoice_settings"] = told or link.get("_invoice_settings")
        link["subscription_data"] = subscription_data(known, params["subscription_data"])
    for number, line in enumerate(params.get("line_items") or []):
        if line["id"] not in link["_lines"]:
            raise no_such("item", line["id"], f"line_items[{number}][id]", status=400)
        change_line(world, line["id"], line, f"line_items[{number}]")
    world.updated(link)
    return link


@endpoint("GET /v1/payment_links", "PaymentLinkListParams", "active")
def list_(call: Call) -> Obj:
    active = call.params.get("active")
    return page(call, KIND, lambda link: active is None or link["active"] == active)


@endpoint("GET /v1/payment_links/{id}/line_items", "PaymentLinkListLineItemsParams")
def list_lines(call: Call) -> Obj:
    return page_of_lines(call, call.world.get(KIND, call.path["id"]))


@view_of(KIND)
def show(_world: World, link: Seen) -> Obj:
    """A link, with how often it was used where that is limited."""
    shown = public(link)
    if most := link["restrictions"]:
        limited = most["completed_sessions"] | {"count": link["_completed"]}
        shown["restrictions"] = {"completed_sessions": limited}
    return shown


@only_expanded(KIND, "line_items")
def line_items(world: World, link: Seen) -> Obj:
    return shown_lines(world, link, f"/v1/payment_links/{link['id']}/line_items")


def by_token(world: World, token: str) -> Seen | None:
    """The link whose address ends with this token."""
    found = world.where(KIND, "_token", token)
    return found[0] if found else None


def closed_because(link: Seen) -> str | None:
    """Why a link opens no session, in the words that its visitor reads; None when it does."""
    if not link["active"]:
        return str(link["inactive_message"] or "This payment link has been deactivated.")
    most = ((link["restrictions"] or {}).get("completed_sessions") or {}).get("limit")
    if most is not None and link["_completed"] >= most:
        return str(link["inactive_message"] or "This payment link is no longer available.")
    return None


def visit(
    world: World, link: Seen, reference: str | None, email: str | None, base_url: str
) -> Obj:
    """Open a session for a visitor; the reference and the e-mail come from the address.

    Whoever opens a link can change them: neither says who the visitor is.
    """
    lines = [
        {"price": line["_price"], "quantity": line["quantity"], "metadata": line["metadata"]}
        for line in lines_of(world, link)
    ]
    recurs = _recurs(world, link)
    names = "allow_promotion_codes automatic_tax billing_address_collection currency custom_text "
    names += "managed_payments metadata phone_number_collection "
    names += (
        "payment_method_collection subscription_data"
        if recurs
        else "customer_creation invoice_creation payment_intent_data"
    )
    params = {name: link[name] for name in names.split()}
    if link.get("_invoice_settings") and recurs:
        told = {"invoice_settings": link["_invoice_settings"]}
        params["subscription_data"] = link["subscription_data"] | told
    if link["managed_payments"]["enabled"]:
        del params["automatic_tax"]
    elif link["tax_id_collection"]["enabled"]:
        params["tax_id_collection"] = link["tax_id_collection"]
    with sellable(world, link):
        return open_session(
            world,
            params
            | {
                "mode": "subscription" if recurs else "payment",
                "line_items": lines,
                "client_reference_id": reference,
                "customer_email": email,
                "payment_link": link["id"],
                "submit_type": None if link["submit_type"] == "auto" else link["submit_type"],
                "success_url": _after(link, base_url),
            },
            base_url,
        )


@when("checkout.session.completed")
def count(world: World, session: Seen) -> None:
    if session["payment_link"]:
        link = world.edit(KIND, session["payment_link"])
        link["_completed"] += 1


def _after(link: Seen, base_url: str) -> str:
    """Where the customer goes after paying: an address, or the sandbox's own thanks."""
    redirect = link["after_completion"].get("redirect")
    return str(redirect["url"]) if redirect else f"{base_url}/c/thanks/{{CHECKOUT_SESSION_ID}}"


def _recurs(world: World, link: Seen) -> bool:
    return any(price_of(world, line)["recurring"] for line in lines_of(world, link))

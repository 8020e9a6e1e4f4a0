"""The customer portal: its home, card, details and log-in, as far as its configuration allows."""

from starlette.responses import Response

from tallygate_sandbox import payments
from tallygate_sandbox.checkout import configurations, own_details, portal
from tallygate_sandbox.checkout.asking import ask, attempt
from tallygate_sandbox.customers.tax_ids import OFFERED as TAX_ID_TYPES
from tallygate_sandbox.pages import written
from tallygate_sandbox.pages.cards import OFFERED, chosen
from tallygate_sandbox.pages.portal_frame import ROOT, SAID, done, framed, plan_of, session_of
from tallygate_sandbox.pages.web import Visit, page, see, show
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World

FLOWS = {
    "payment_method_update": "card",
    "customer_update": "details",
    "subscription_cancel": "cancel",
    "subscription_pause": "pause",
    "subscription_update": "plan",
    "subscription_update_confirm": "plan",
}
SHOWN_INVOICES = 24
PLAIN = ("name", "email", "phone")
ADDRESS = ("line1", "line2", "city", "postal_code", "state", "country")
SHIPPED = ("name", "phone", *ADDRESS)


@page(f"GET {ROOT}")
async def home(visit: Visit) -> Response:
    world = visit.world
    if portal.recoverable(world, visit.path["token"]):
        return see(f"/p/session/{visit.path['token']}/login")
    session = session_of(visit)
    flow = session["flow"]
    if flow and not session["_done"]:
        return see(_flow_address(session))
    customer = world.get("customer", session["customer"])
    features = portal.features_of(world, session)
    return framed(
        visit,
        session,
        "portal.html",
        customer=customer,
        tax_id=own_details.tax_id_of(world, customer["id"]),
        features=features,
        plans=[plan_of(world, session, one) for one in portal.subscriptions_of(world, session)],
        card=_card(world, customer),
        invoices=_invoices(world, session) if features["invoice_history"]["enabled"] else [],
        notice=SAID.get(visit.query.get("said", "")),
    )


@page(f"GET {ROOT}/card")
async def choose_card(visit: Visit) -> Response:
    session = session_of(visit)
    portal.enabled(visit.world, session, "payment_method_update")
    return framed(visit, session, "portal_card.html", cards=OFFERED, refused=None)


@page(f"POST {ROOT}/card")
async def change_card(visit: Visit) -> Response:
    world, session = visit.world, session_of(visit)
    number = chosen(visit.form) or ""
    refused = attempt(world, lambda: own_details.change_card(world, session, number))
    if refused is None:
        return done(visit, session, "card")
    return framed(
        visit,
        session,
        "portal_card.html",
        status=402,
        cards=OFFERED,
        refused=refused.message,
    )


@page(f"GET {ROOT}/details")
async def show_details(visit: Visit) -> Response:
    session = session_of(visit)
    portal.enabled(visit.world, session, "customer_update")
    return _details(visit, session, None)


@page(f"POST {ROOT}/details")
async def change_details(visit: Visit) -> Response:
    world, session = visit.world, session_of(visit)
    details: Obj = {name: visit.sent(name) for name in PLAIN}
    details["address"] = _filled(visit, ADDRESS, "")
    shipping = _filled(visit, SHIPPED, "shipping_")
    if shipping:
        address = {name: shipping.pop(name) for name in ADDRESS}
        shipping["name"] = shipping["name"] or details["name"] or "Recipient"
        details["shipping"] = {**shipping, "address": address}
    if "tax_id" in visit.form:
        kind = visit.sent("tax_id_type") or TAX_ID_TYPES[0]
        details["tax_id"] = {"type": kind, "value": visit.sent("tax_id") or ""}
    refused = attempt(world, lambda: own_details.change(world, session, details))
    if refused is None:
        return done(visit, session, "details")
    return _details(visit, session, refused)


@page("GET /p/login/{configuration}")
async def log_in(visit: Visit) -> Response:
    return _login_page(_login(visit), f"/p/login/{visit.path['configuration']}")


@page("POST /p/login/{configuration}")
async def send_link(visit: Visit) -> Response:
    """Stripe mails a link to the customer; the sandbox sends no mail and shows it."""
    world, configuration = visit.world, _login(visit)
    email = visit.sent("email")
    found = world.where("customer", "email", email) if email else []
    return _link_for(visit, configuration, found[-1] if found else None, configuration["id"])


@page(f"GET {ROOT}/login")
async def log_in_again(visit: Visit) -> Response:
    """Where an expired address leads, if its session says so."""
    return _login_page(_expired(visit)[0], f"/p/session/{visit.path['token']}/login")


@page(f"POST {ROOT}/login")
async def send_link_again(visit: Visit) -> Response:
    configuration, session = _expired(visit)
    customer = visit.world.get("customer", session["customer"])
    known = visit.sent("email") == customer["email"] and customer["email"]
    return _link_for(visit, configuration, customer if known else None, configuration["id"])


def _expired(visit: Visit) -> tuple[Seen, Seen]:
    """The configuration and the session of an address that may be recovered."""
    session = portal.recoverable(visit.world, visit.path["token"])
    if session is None:
        raise Refusal("This portal session cannot be recovered.", status=404)
    return visit.world.get(configurations.KIND, session["configuration"]), session


def _login_page(
    configuration: Seen,
    action: str,
    *,
    address: str | None = None,
    refused: str | None = None,
) -> Response:
    return show(
        "portal_login.html",
        status=404 if refused else 200,
        configuration=configuration,
        action=action,
        address=address,
        refused=refused,
    )


def _link_for(visit: Visit, configuration: Seen, customer: Seen | None, ident: str) -> Response:
    if customer is None:
        refused = "No customer has this e-mail address."
        return _login_page(configuration, "", refused=refused)
    made: list[Obj] = []
    address = "POST /v1/billing_portal/sessions"
    refusal = attempt(
        visit.world,
        lambda: made.append(
            ask(visit.world, address, customer=customer["id"], configuration=ident)
        ),
    )
    if refusal is not None:
        raise refusal
    return _login_page(configuration, "", address=made[0]["url"])


def _login(visit: Visit) -> Seen:
    found = visit.world.get(configurations.KIND, visit.path["configuration"])
    if not found["login_page"]["enabled"] or not found["active"]:
        raise Refusal("This login page is not active.", status=404)
    return found


def _flow_address(session: Seen) -> str:
    flow = session["flow"]
    place = f"/p/session/{session['_token']}/{FLOWS[flow['type']]}"
    details = flow.get(flow["type"])
    confirms = flow["type"] == "subscription_update_confirm"
    return f"{place}/{details['subscription']}{'/confirm' * confirms}" if details else place


def _filled(visit: Visit, names: tuple[str, ...], prefix: str) -> Obj | None:
    """Fields that were filled in together; None when none of them was."""
    found = {name: visit.sent(f"{prefix}{name}") or "" for name in names}
    return found if any(found.values()) else None


def _details(visit: Visit, session: Seen, refused: Refusal | None) -> Response:
    customer = visit.world.get("customer", session["customer"])
    shipping: Obj = customer["shipping"] or {}
    shipped = {**(shipping.get("address") or {}), **{k: shipping.get(k) for k in PLAIN}}
    tax_id = own_details.tax_id_of(visit.world, customer["id"]) or {}
    known = {
        **(customer["address"] or {}),
        **{name: customer[name] for name in PLAIN},
        **{f"shipping_{name}": shipped.get(name) for name in SHIPPED},
        "tax_id": tax_id.get("value"),
        "tax_id_type": tax_id.get("type"),
    }
    names = (*PLAIN, *ADDRESS, *(f"shipping_{name}" for name in SHIPPED), "tax_id", "tax_id_type")
    values = {name: visit.form.get(name, known.get(name)) or "" for name in names}
    return framed(
        visit,
        session,
        "portal_details.html",
        status=400 if refused else 200,
        values=values,
        tax_id_types=TAX_ID_TYPES,
        allowed=portal.features_of(visit.world, session)["customer_update"]["allowed_updates"],
        refused=refused and refused.message,
    )


def _card(world: World, customer: Seen) -> str:
    live = world.where("subscription", "customer", customer["id"])
    subscription = next((s for s in live if s["status"] in portal.LIVE), None)
    method = payments.default_method(world, customer["id"], subscription)
    return written.card(world.find("payment_method", method))


def _invoices(world: World, session: Seen) -> list[Seen]:
    found = world.where("invoice", "customer", session["customer"])
    return [one for one in reversed(found) if one["status"] != "draft"][:SHOWN_INVOICES]

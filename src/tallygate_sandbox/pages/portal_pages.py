"""The customer portal: plans, card, invoices, details, as far as its configuration allows."""

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from tallygate_sandbox import payments
from tallygate_sandbox.checkout import configurations, portal
from tallygate_sandbox.checkout.asking import ask, attempt
from tallygate_sandbox.pages import written
from tallygate_sandbox.pages.cards import OFFERED, chosen
from tallygate_sandbox.pages.web import Visit, page, see, show
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World

ROOT = "/p/session/{token}"
SAID = {
    "canceled": "Your plan will not renew.",
    "ended": "Your plan has ended.",
    "resumed": "Your plan goes on.",
    "switched": "Your plan has changed.",
    "card": "Your new card will be charged from now on.",
    "details": "Your details were saved.",
}
FLOWS = {
    "payment_method_update": "card",
    "customer_update": "details",
    "subscription_cancel": "cancel",
    "subscription_update": "plan",
    "subscription_update_confirm": "plan",
}
SHOWN_INVOICES = 24
DETAILS = ("name", "email", "phone", "line1", "line2", "city", "postal_code", "country")


@page(f"GET {ROOT}")
async def home(visit: Visit) -> Response:
    world, session = visit.world, _session(visit)
    flow = session["flow"]
    if flow and not session["_done"]:
        return see(_flow_address(session))
    customer = world.get("customer", session["customer"])
    features = portal.features_of(world, session)
    return _show(
        visit,
        session,
        "portal.html",
        customer=customer,
        features=features,
        plans=[_plan(world, session, one) for one in portal.subscriptions_of(world, session)],
        card=_card(world, customer),
        invoices=_invoices(world, session) if features["invoice_history"]["enabled"] else [],
        notice=SAID.get(visit.query.get("said", "")),
    )


@page(f"GET {ROOT}/cancel/{{subscription}}")
async def ask_to_cancel(visit: Visit) -> Response:
    session = _session(visit)
    feature = portal.enabled(visit.world, session, "subscription_cancel")
    subscription = portal.own(visit.world, session, visit.path["subscription"])
    return _show(
        visit,
        session,
        "portal_cancel.html",
        feature=feature,
        plan=_plan(visit.world, session, subscription),
    )


@page(f"POST {ROOT}/cancel/{{subscription}}")
async def cancel(visit: Visit) -> Response:
    world, session, ident = visit.world, _session(visit), visit.path["subscription"]
    feature = portal.features_of(world, session)["subscription_cancel"]
    reason = visit.sent("reason")
    done = "ended" if feature["mode"] == "immediately" else "canceled"
    return _act(visit, session, done, lambda: portal.cancel(world, session, ident, reason))


@page(f"POST {ROOT}/resume/{{subscription}}")
async def resume(visit: Visit) -> Response:
    world, session, ident = visit.world, _session(visit), visit.path["subscription"]
    return _act(visit, session, "resumed", lambda: portal.resume(world, session, ident))


@page(f"GET {ROOT}/plan/{{subscription}}")
async def choose_plan(visit: Visit) -> Response:
    world, session = visit.world, _session(visit)
    portal.enabled(world, session, "subscription_update")
    subscription = portal.own(world, session, visit.path["subscription"])
    confirm = (session["flow"] or {}).get("subscription_update_confirm")
    wanted = confirm["items"][0].get("price") if confirm else None
    offered = [
        {"id": price["id"], **_named(world, price)}
        for price in portal.choices(world, session, subscription)
        if wanted in {None, price["id"]}
    ]
    plan = _plan(world, session, subscription)
    return _show(visit, session, "portal_plan.html", plan=plan, offered=offered)


@page(f"POST {ROOT}/plan/{{subscription}}")
async def switch(visit: Visit) -> Response:
    world, session, ident = visit.world, _session(visit), visit.path["subscription"]
    price = visit.sent("price") or ""
    return _act(visit, session, "switched", lambda: portal.switch(world, session, ident, price))


@page(f"GET {ROOT}/card")
async def choose_card(visit: Visit) -> Response:
    session = _session(visit)
    portal.enabled(visit.world, session, "payment_method_update")
    return _show(visit, session, "portal_card.html", cards=OFFERED, refused=None)


@page(f"POST {ROOT}/card")
async def change_card(visit: Visit) -> Response:
    world, session = visit.world, _session(visit)
    number = chosen(visit.form) or ""
    refused = attempt(world, lambda: portal.change_card(world, session, number))
    if refused is None:
        return _done(visit, session, "card")
    return _show(
        visit,
        session,
        "portal_card.html",
        status=402,
        cards=OFFERED,
        refused=refused.message,
    )


@page(f"GET {ROOT}/details")
async def show_details(visit: Visit) -> Response:
    session = _session(visit)
    portal.enabled(visit.world, session, "customer_update")
    return _details(visit, session, None)


@page(f"POST {ROOT}/details")
async def change_details(visit: Visit) -> Response:
    world, session = visit.world, _session(visit)
    sent = {name: visit.sent(name) for name in DETAILS}
    address = {name: sent.pop(name) or "" for name in DETAILS[3:]}
    details: Obj = {**sent, "address": address if any(address.values()) else None}
    refused = attempt(world, lambda: portal.change_details(world, session, details))
    if refused is None:
        return _done(visit, session, "details")
    return _details(visit, session, refused)


@page("GET /p/login/{configuration}")
async def log_in(visit: Visit) -> Response:
    configuration = _login(visit)
    return show("portal_login.html", configuration=configuration, address=None, refused=None)


@page("POST /p/login/{configuration}")
async def send_link(visit: Visit) -> Response:
    """Stripe mails a link to the customer; the sandbox sends no mail and shows it."""
    world, configuration = visit.world, _login(visit)
    found = world.where("customer", "email", visit.sent("email"))
    if not found or not visit.sent("email"):
        refused = "No customer has this e-mail address."
        return show(
            "portal_login.html",
            status=404,
            configuration=configuration,
            address=None,
            refused=refused,
        )
    made: list[Obj] = []
    attempt(
        world,
        lambda: made.append(
            ask(
                world,
                "POST /v1/billing_portal/sessions",
                customer=found[-1]["id"],
                configuration=configuration["id"],
            )
        ),
    )
    return show(
        "portal_login.html", configuration=configuration, address=made[0]["url"], refused=None
    )


def _login(visit: Visit) -> Seen:
    found = visit.world.get(configurations.KIND, visit.path["configuration"])
    if not found["login_page"]["enabled"] or not found["active"]:
        raise Refusal("This login page is not active.", status=404)
    return found


def _session(visit: Visit) -> Seen:
    """The session of the address; opening it counts. Raises: Refusal, when it has expired."""
    with visit.world.transaction():
        return portal.visit(visit.world, visit.path["token"])


def _act(visit: Visit, session: Seen, done: str, act: Callable[[], object]) -> Response:
    refused = attempt(visit.world, act)
    if refused is not None:
        raise refused
    return _done(visit, session, done)


def _done(visit: Visit, session: Seen, done: str) -> Response:
    """Go back home, or wherever the flow says that its end leads."""
    home_address = f"/p/session/{session['_token']}?said={done}"
    flow = session["flow"]
    if not flow or session["_done"]:
        return see(home_address)
    with visit.world.transaction():
        visit.world.edit(portal.KIND, session["id"])["_done"] = True
    after = flow["after_completion"]
    if after["type"] == "redirect":
        return see(after["redirect"]["return_url"])
    if after["type"] == "hosted_confirmation":
        told = (after["hosted_confirmation"] or {}).get("custom_message")
        return show(
            "said.html",
            title="Done",
            message=told or SAID[done],
            back=session["return_url"],
            back_label="Go back",
        )
    return see(home_address)


def _flow_address(session: Seen) -> str:
    flow = session["flow"]
    place = f"/p/session/{session['_token']}/{FLOWS[flow['type']]}"
    details = flow.get(flow["type"])
    return f"{place}/{details['subscription']}" if details else place


def _show(
    visit: Visit, session: Seen, template: str, *, status: int = 200, **shown: Any
) -> Response:
    world = visit.world
    configuration = world.get(configurations.KIND, session["configuration"])
    flow_ends = ((session["flow"] or {}).get("after_completion") or {}).get("redirect")
    return show(
        template,
        status=status,
        goes_to=flow_ends["return_url"] if flow_ends else None,
        here=f"/p/session/{session['_token']}",
        session=session,
        profile=configuration["business_profile"],
        **shown,
    )


def _details(visit: Visit, session: Seen, refused: Refusal | None) -> Response:
    customer = visit.world.get("customer", session["customer"])
    known = {**(customer["address"] or {}), **{k: customer[k] for k in DETAILS[:3]}}
    values = {name: visit.form.get(name, known.get(name)) or "" for name in DETAILS}
    return _show(
        visit,
        session,
        "portal_details.html",
        status=400 if refused else 200,
        values=values,
        allowed=portal.features_of(visit.world, session)["customer_update"]["allowed_updates"],
        refused=refused and refused.message,
    )


def _plan(world: World, session: Seen, subscription: Seen) -> Obj:
    items = world.view(subscription)["items"]["data"]
    ends = max((item["current_period_end"] for item in items), default=None)
    return {
        "id": subscription["id"],
        "status": subscription["status"],
        "items": [
            {**_named(world, item["price"]), "quantity": item.get("quantity")} for item in items
        ],
        "renews": min((item["current_period_end"] for item in items), default=None),
        "ends": subscription["cancel_at"]
        or (ends if subscription["cancel_at_period_end"] else None),
        "period_end": ends,
        "trial_end": subscription["trial_end"] if subscription["status"] == "trialing" else None,
        "switchable": bool(portal.choices(world, session, subscription)),
    }


def _named(world: World, price: Seen) -> Obj:
    price = world.get("price", price["id"])
    product = world.find("product", price["product"])
    return {"name": product["name"] if product else price["id"], "price": written.price(price)}


def _card(world: World, customer: Seen) -> str:
    live = world.where("subscription", "customer", customer["id"])
    subscription = next((s for s in live if s["status"] in portal.LIVE), None)
    method = payments.default_method(world, customer["id"], subscription)
    return written.card(world.find("payment_method", method))


def _invoices(world: World, session: Seen) -> list[Seen]:
    found = world.where("invoice", "customer", session["customer"])
    return [one for one in reversed(found) if one["status"] != "draft"][:SHOWN_INVOICES]

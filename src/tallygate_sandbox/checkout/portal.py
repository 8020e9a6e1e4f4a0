"""Portal sessions, and what a customer does in one, as far as its configuration allows.

Sources: https://docs.stripe.com/api/customer_portal/sessions,
https://docs.stripe.com/customer-management. How long an address lives is not documented: five
minutes until it is opened, an hour from then on (assumed).
"""

from typing import Any

from tallygate_sandbox.api import Call, Evidence, endpoint, expandable
from tallygate_sandbox.checkout import configurations, rules
from tallygate_sandbox.checkout.asking import ask
from tallygate_sandbox.payments import methods, numbers
from tallygate_sandbox.wire.refusals import Refusal, missing_param
from tallygate_sandbox.world import Obj, Seen, World, index

KIND = "billing_portal.session"
UNOPENED, OPENED = 5 * 60, 3600
LIVE = ("active", "trialing", "past_due", "unpaid", "paused")

Params = dict[str, Any]

index(KIND, "_token")
expandable(KIND, configuration=configurations.KIND)


@endpoint(
    "POST /v1/billing_portal/sessions",
    "billing_portal.SessionCreateParams",
    "configuration customer flow_data.after_completion flow_data.subscription_cancel.subscription "
    "flow_data.subscription_update flow_data.subscription_update_confirm.items "
    "flow_data.subscription_update_confirm.subscription flow_data.type locale return_url",
    Evidence.RECORDED,
)
def create(call: Call) -> Obj:
    world = call.world
    ident = call.sent("customer")
    if ident is None:
        raise missing_param("customer")
    customer = world.get("customer", ident, "customer")
    chosen = call.sent("configuration")
    configuration = (
        world.get(configurations.KIND, chosen, "configuration")
        if chosen
        else configurations.the_default(world)
    )
    if not configuration["active"]:
        raise Refusal("This portal configuration is not active.", param="configuration")
    back = call.sent("return_url") or configuration["default_return_url"]
    if back:
        rules.checked_url(back, "return_url")
    flow = call.sent("flow_data")
    token = f"test_{world.ids.token(60)}"
    session = world.add(
        {
            "id": world.ids.new("bps"),
            "object": KIND,
            "configuration": configuration["id"],
            "created": world.now(customer),
            "customer": ident,
            "customer_account": None,
            "flow": _flow(world, flow, customer, configuration) if flow else None,
            "livemode": False,
            "locale": call.sent("locale"),
            "on_behalf_of": None,
            "return_url": back,
            "url": f"{call.base_url}/p/session/{token}",
            "_token": token,
            # The machine's time, not a test clock's: it is a browser that is late.
            "_ends": world.now() + UNOPENED,
            "_opened": False,
            "_done": False,
        }
    )
    world.emit("billing_portal.session.created", session)
    return session


def _flow(world: World, flow: Params, customer: Seen, configuration: Seen) -> Obj:
    """One thing that the customer came to do; its subscription has to be theirs."""
    kind = flow["type"]
    named: Params = {
        name: flow.get(name)
        for name in ("subscription_cancel", "subscription_update", "subscription_update_confirm")
    }
    if kind in named:
        details = named[kind]
        if not details:
            raise missing_param(f"flow_data[{kind}]")
        place = f"flow_data[{kind}][subscription]"
        found = world.get("subscription", details["subscription"], place)
        if found["customer"] != customer["id"]:
            raise Refusal("The subscription belongs to another customer.", param=place)
    elif kind not in {"payment_method_update", "customer_update"}:
        raise Refusal(f"The sandbox's portal has no {kind} flow.", status=501, type="api_error")
    feature = "subscription_update" if kind.startswith("subscription_update") else kind
    if not configuration["features"][feature]["enabled"]:
        raise Refusal(
            f"The portal configuration does not enable {feature}.", param="flow_data[type]"
        )
    after = flow.get("after_completion") or {"type": "portal_homepage"}
    if after["type"] == "redirect":
        back = (after.get("redirect") or {}).get("return_url") or ""
        rules.checked_url(back, "flow_data[after_completion][redirect][return_url]")
    return {
        "after_completion": {
            "hosted_confirmation": after.get("hosted_confirmation"),
            "redirect": after.get("redirect"),
            "type": after["type"],
        },
        "subscription_cancel": _with_retention(named["subscription_cancel"]),
        "subscription_update": named["subscription_update"],
        "subscription_update_confirm": _with_discounts(named["subscription_update_confirm"]),
        "type": kind,
    }


def _with_retention(details: Params | None) -> Obj | None:
    return {"retention": None, **details} if details else None


def _with_discounts(details: Params | None) -> Obj | None:
    return {"discounts": None, **details} if details else None


def visit(world: World, token: str) -> Obj:
    """The session of an address; opening it makes it last.

    Raises:
        Refusal: there is none, or it has expired.
    """
    found = world.where(KIND, "_token", token)
    if not found or found[0]["_ends"] <= world.now():
        raise Refusal("This portal session has expired. Ask for a new one.", status=404)
    session = world.edit(KIND, found[0]["id"])
    if not session["_opened"]:
        session |= {"_opened": True, "_ends": world.now() + OPENED}
    return session


def features_of(world: World, session: Seen) -> Seen:
    features: Obj = world.get(configurations.KIND, session["configuration"])["features"]
    return features


def subscriptions_of(world: World, session: Seen) -> list[Seen]:
    """The subscriptions that the portal shows: those that still live."""
    found = world.where("subscription", "customer", session["customer"])
    return [subscription for subscription in found if subscription["status"] in LIVE]


def cancel(world: World, session: Seen, ident: str, feedback: str | None = None) -> Obj:
    """Cancel a subscription as the configuration says: at once, or when its period ends.

    In flexible billing mode the end of the period is set as `cancel_at`, the latest end of an
    item, and `cancel_at_period_end` stays false; in classic mode it is the flag.
    """
    feature = enabled(world, session, "subscription_cancel")
    subscription = own(world, session, ident)
    told = (
        {"feedback": feedback} if feedback in feature["cancellation_reason"]["options"] else None
    )
    if feature["mode"] == "immediately":
        return ask(
            world,
            f"DELETE /v1/subscriptions/{ident}",
            prorate=feature["proration_behavior"] == "create_prorations",
            cancellation_details=told,
        )
    flexible = subscription["billing_mode"]["type"] == "flexible"
    end = {"cancel_at": "max_period_end"} if flexible else {"cancel_at_period_end": True}
    return ask(world, f"POST /v1/subscriptions/{ident}", cancellation_details=told, **end)


def resume(world: World, session: Seen, ident: str) -> Obj:
    """Take a cancellation back that has not happened yet."""
    enabled(world, session, "subscription_cancel")
    subscription = own(world, session, ident)
    end: Params = (
        {"cancel_at_period_end": False}
        if subscription["cancel_at_period_end"]
        else {"cancel_at": ""}
    )
    return ask(world, f"POST /v1/subscriptions/{ident}", **end)


def choices(world: World, session: Seen, subscription: Seen) -> list[Seen]:
    """The prices to which a subscription may switch; none unless it has one licensed item."""
    feature = features_of(world, session)["subscription_update"]
    items = world.view(subscription)["items"]["data"]
    allowed = feature["enabled"] and "price" in feature["default_allowed_updates"]
    if not allowed or len(items) != 1 or items[0]["price"]["recurring"]["usage_type"] == "metered":
        return []
    offered = [ident for product in feature["products"] for ident in product["prices"]]
    prices = [world.get("price", ident) for ident in offered]
    now = items[0]["price"]
    return [p for p in prices if p["id"] != now["id"] and p["currency"] == now["currency"]]


def switch(world: World, session: Seen, ident: str, price: str) -> Obj:
    """Switch a subscription to another price that the configuration lists."""
    feature = enabled(world, session, "subscription_update")
    subscription = own(world, session, ident)
    if price not in {choice["id"] for choice in choices(world, session, subscription)}:
        raise Refusal("The portal does not offer this price.", param="price")
    item = world.view(subscription)["items"]["data"][0]
    anchor = feature["billing_cycle_anchor"]
    return ask(
        world,
        f"POST /v1/subscriptions/{ident}",
        items=[{"id": item["id"], "price": price, "quantity": item.get("quantity")}],
        proration_behavior=feature["proration_behavior"],
        billing_cycle_anchor={"type": anchor} if anchor else None,
    )


def change_card(world: World, session: Seen, card: str) -> Obj:
    """Pay with another card from now on: the customer's default, and their subscriptions'.

    Raises:
        Refusal: the card is declined.
    """
    enabled(world, session, "payment_method_update")
    customer = world.get("customer", session["customer"])
    method = methods.add_card(
        world,
        numbers.named(card) or numbers.of_number(card),
        at=world.now(customer),
        billing_details={"email": customer["email"], "name": customer["name"]},
        allow_redisplay="always",
    )
    methods.attach(world, method, customer["id"])
    ask(
        world,
        f"POST /v1/customers/{customer['id']}",
        invoice_settings={"default_payment_method": method["id"]},
    )
    for subscription in subscriptions_of(world, session):
        if subscription["default_payment_method"]:
            address = f"POST /v1/subscriptions/{subscription['id']}"
            ask(world, address, default_payment_method=method["id"])
    return method


def change_details(world: World, session: Seen, details: Params) -> Obj:
    """Change what the configuration lets a customer change of themselves."""
    feature = enabled(world, session, "customer_update")
    allowed = {k: v for k, v in details.items() if k in feature["allowed_updates"] and v}
    if "email" in allowed:
        rules.checked_email(allowed["email"], "email")
    return ask(world, f"POST /v1/customers/{session['customer']}", **allowed)


def enabled(world: World, session: Seen, feature: str) -> Seen:
    """A feature as it is configured. Raises: Refusal, when it is off."""
    found: Obj = features_of(world, session)[feature]
    if not found["enabled"]:
        raise Refusal("The portal's configuration does not allow this.", status=403)
    return found


def own(world: World, session: Seen, ident: str) -> Seen:
    """A subscription of the session's customer. Raises: Refusal, when it is not theirs."""
    subscription = world.get("subscription", ident)
    if subscription["customer"] != session["customer"]:
        raise Refusal(f"No such subscription: '{ident}'", status=404, code="resource_missing")
    return subscription

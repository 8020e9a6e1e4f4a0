"""Portal sessions: whom one is for, what its configuration allows, how long its address lives.

Sources: https://docs.stripe.com/api/customer_portal/sessions,
https://docs.stripe.com/customer-management. How long an address lives is not documented: five
minutes until it is opened, an hour from then on (assumed).
"""

from tallygate_sandbox.api import Call, Evidence, endpoint, expandable
from tallygate_sandbox.checkout import configurations, flows, rules
from tallygate_sandbox.wire.refusals import Refusal, missing_param
from tallygate_sandbox.world import Obj, Seen, World, index

KIND = "billing_portal.session"
UNOPENED, OPENED = 5 * 60, 3600
LIVE = ("active", "trialing", "past_due", "unpaid", "paused")

index(KIND, "_token")
expandable(KIND, configuration=configurations.KIND)


@endpoint(
    "POST /v1/billing_portal/sessions",
    "billing_portal.SessionCreateParams",
    "after_expiration configuration customer flow_data locale return_url",
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
            "after_expiration": _after_expiration(call, world.now(customer)),
            "configuration": configuration["id"],
            "created": world.now(customer),
            "customer": ident,
            "customer_account": None,
            "flow": flows.of(world, flow, customer, configuration) if flow else None,
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


def _after_expiration(call: Call, now: int) -> Obj | None:
    """Whether a customer may log in again once the address is dead, and until when."""
    wanted = call.sent("after_expiration")
    if wanted is None:
        return None
    login = {"expires_at": None} | (wanted.get("customer_login") or {})
    if login["expires_at"] is not None and login["expires_at"] <= now:
        raise Refusal(
            "`expires_at` must be in the future.",
            param="after_expiration[customer_login][expires_at]",
        )
    return {"customer_login": login, "type": wanted["type"]}


def recoverable(world: World, token: str) -> Seen | None:
    """The expired session of an address whose customer may log in again; None where none may."""
    found = world.where(KIND, "_token", token)
    if not found or found[0]["_ends"] > world.now() or not found[0]["after_expiration"]:
        return None
    until = found[0]["after_expiration"]["customer_login"]["expires_at"]
    return found[0] if until is None or world.now(found[0]) < until else None


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

"""What all pages of the portal share: their session, their frame, and where one goes when done."""

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from tallygate_sandbox.checkout import configurations, plan_changes, plan_ends, portal
from tallygate_sandbox.checkout.asking import attempt
from tallygate_sandbox.pages import written
from tallygate_sandbox.pages.web import Visit, see, show
from tallygate_sandbox.world import Obj, Seen, World

ROOT = "/p/session/{token}"
SAID = {
    "canceled": "Your plan will not renew.",
    "ended": "Your plan has ended.",
    "resumed": "Your plan goes on.",
    "switched": "Your plan has changed.",
    "scheduled": "Your plan will change when this period is over.",
    "kept": "Your plan stays as it is.",
    "stayed": "Thank you for staying. Your discount holds from now on.",
    "paused": "Your plan is paused.",
    "card": "Your new card will be charged from now on.",
    "details": "Your details were saved.",
}


def session_of(visit: Visit) -> Seen:
    """The session of the address; opening it counts. Raises: Refusal, when it has expired."""
    with visit.world.transaction():
        return portal.visit(visit.world, visit.path["token"])


def act(visit: Visit, session: Seen, said: str, do: Callable[[], object]) -> Response:
    """Do what a button is for, and say so. Raises: Refusal, when it was refused."""
    refused = attempt(visit.world, do)
    if refused is not None:
        raise refused
    return done(visit, session, said)


def done(visit: Visit, session: Seen, said: str) -> Response:
    """Go back home, or wherever the flow says that its end leads."""
    home_address = f"/p/session/{session['_token']}?said={said}"
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
            message=told or SAID[said],
            back=session["return_url"],
            back_label="Go back",
        )
    return see(home_address)


def framed(
    visit: Visit, session: Seen, template: str, *, status: int = 200, **shown: Any
) -> Response:
    """A page of the portal."""
    configuration = visit.world.get(configurations.KIND, session["configuration"])
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


def plan_of(world: World, session: Seen, subscription: Seen) -> Obj:
    """What the portal says of a subscription, and what can be done about it there."""
    items = world.view(subscription)["items"]["data"]
    ends = max((item["current_period_end"] for item in items), default=None)
    coming = plan_changes.scheduled(world, subscription)
    if coming:
        coming |= named(world, world.get("price", coming["price"]))
    paused = subscription["status"] == "paused"
    return {
        "id": subscription["id"],
        "status": subscription["status"],
        "items": [
            {**named(world, item["price"]), "quantity": item.get("quantity")} for item in items
        ],
        "renews": min((item["current_period_end"] for item in items), default=None),
        "ends": subscription["cancel_at"]
        or (ends if subscription["cancel_at_period_end"] else None),
        "period_end": ends,
        "trial_end": subscription["trial_end"] if subscription["status"] == "trialing" else None,
        "changeable": not paused and plan_changes.changeable(world, session, subscription),
        "coming": coming,
        "pausable": plan_ends.pausable(world, session, subscription),
        "paused_until": subscription.get("_resumes_at") if paused else None,
    }


def named(world: World, price: Seen) -> Obj:
    """A price as the portal calls it: its product, and what it costs."""
    price = world.get("price", price["id"])
    product = world.find("product", price["product"])
    return {"name": product["name"] if product else price["id"], "price": written.price(price)}

"""The portal's pages about a plan: change it, cancel it, pause it."""

from starlette.responses import Response

from tallygate_sandbox.checkout import plan_changes, plan_ends, portal
from tallygate_sandbox.checkout.asking import attempt
from tallygate_sandbox.checkout.plan_changes import Wish
from tallygate_sandbox.pages.portal_frame import (
    ROOT,
    act,
    done,
    framed,
    named,
    plan_of,
    session_of,
)
from tallygate_sandbox.pages.web import Visit, page
from tallygate_sandbox.subscriptions import feedback_options
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World


@page(f"GET {ROOT}/plan/{{subscription}}")
async def choose(visit: Visit) -> Response:
    """The prices, quantities and codes of which the customer may choose."""
    session = session_of(visit)
    portal.enabled(visit.world, session, "subscription_update")
    subscription = portal.own(visit.world, session, visit.path["subscription"])
    return _choices(visit, session, subscription, None)


@page(f"GET {ROOT}/plan/{{subscription}}/confirm")
async def confirm(visit: Visit) -> Response:
    """What the change comes to, before it is made."""
    world, session, ident = visit.world, session_of(visit), visit.path["subscription"]
    subscription = portal.own(world, session, ident)
    sums: list[Obj | None] = []
    wishes: list[Wish] = []

    def look() -> None:
        wishes.append(_wish(world, session, ident, visit.query))
        sums.append(plan_changes.preview(world, session, ident, wishes[0]))

    refused = attempt(world, look)
    if refused is not None:
        return _choices(visit, session, subscription, refused)
    wish, now = wishes[0], world.view(subscription)["items"]["data"][0]
    price = world.get("price", wish.price or now["price"]["id"])
    return framed(
        visit,
        session,
        "portal_confirm.html",
        plan=plan_of(world, session, subscription),
        price=price,
        wanted=named(world, price),
        quantity=now["quantity"] if wish.quantity is None else wish.quantity,
        code=visit.query.get("promotion_code", ""),
        bill=sums[0],
    )


@page(f"POST {ROOT}/plan/{{subscription}}")
async def change(visit: Visit) -> Response:
    world, session, ident = visit.world, session_of(visit), visit.path["subscription"]
    waits: list[bool] = []

    def do() -> None:
        wish = _wish(world, session, ident, visit.form)
        waits.append(plan_changes.change(world, session, ident, wish))

    refused = attempt(world, do)
    if refused is not None and refused.status == 402:
        return _choices(visit, session, portal.own(world, session, ident), refused)
    if refused is not None:
        raise refused
    return done(visit, session, "scheduled" if waits[-1] else "switched")


@page(f"POST {ROOT}/plan/{{subscription}}/keep")
async def keep_plan(visit: Visit) -> Response:
    world, session, ident = visit.world, session_of(visit), visit.path["subscription"]
    return act(visit, session, "kept", lambda: plan_changes.keep(world, session, ident))


@page(f"GET {ROOT}/cancel/{{subscription}}")
async def ask_to_cancel(visit: Visit) -> Response:
    world, session = visit.world, session_of(visit)
    feature = portal.enabled(world, session, "subscription_cancel")
    subscription = portal.own(world, session, visit.path["subscription"])
    return framed(
        visit,
        session,
        "portal_cancel.html",
        feature=feature,
        plan=plan_of(world, session, subscription),
        own_reasons=_own_reasons(world, feature),
        offer=plan_ends.offer(world, session, subscription["id"]),
    )


@page(f"POST {ROOT}/cancel/{{subscription}}")
async def cancel(visit: Visit) -> Response:
    world, session, ident = visit.world, session_of(visit), visit.path["subscription"]
    feature = portal.features_of(world, session)["subscription_cancel"]
    reason = visit.sent("reason")
    said = "ended" if feature["mode"] == "immediately" else "canceled"
    return act(visit, session, said, lambda: plan_ends.cancel(world, session, ident, reason))


@page(f"POST {ROOT}/stay/{{subscription}}")
async def stay(visit: Visit) -> Response:
    world, session, ident = visit.world, session_of(visit), visit.path["subscription"]
    return act(visit, session, "stayed", lambda: plan_ends.accept(world, session, ident))


@page(f"POST {ROOT}/resume/{{subscription}}")
async def resume(visit: Visit) -> Response:
    """Go on: with a plan that was to end, or with one that is paused."""
    world, session, ident = visit.world, session_of(visit), visit.path["subscription"]
    paused = portal.own(world, session, ident)["status"] == "paused"
    go_on = plan_ends.resume if paused else plan_ends.keep
    return act(visit, session, "resumed", lambda: go_on(world, session, ident))


@page(f"GET {ROOT}/pause/{{subscription}}")
async def ask_to_pause(visit: Visit) -> Response:
    world, session = visit.world, session_of(visit)
    feature = portal.enabled(world, session, "subscription_pause")
    subscription = portal.own(world, session, visit.path["subscription"])
    plan = plan_of(world, session, subscription)
    lengths = plan_ends.lengths(feature)
    return framed(visit, session, "portal_pause.html", plan=plan, lengths=lengths)


@page(f"POST {ROOT}/pause/{{subscription}}")
async def pause(visit: Visit) -> Response:
    world, session, ident = visit.world, session_of(visit), visit.path["subscription"]
    chosen = _whole(visit.form, "length")
    wanted = 0 if chosen is None else chosen
    return act(visit, session, "paused", lambda: plan_ends.pause(world, session, ident, wanted))


def _choices(visit: Visit, session: Seen, subscription: Seen, refused: Refusal | None) -> Response:
    world = visit.world
    item = plan_changes.item_of(world, subscription)
    bounds = item and plan_changes.bounds(world, session, subscription, item["price"])
    offered = [
        {"id": price["id"], **named(world, price)}
        for price in plan_changes.choices(world, session, subscription)
    ]
    if bounds and item:
        offered.insert(0, {"id": item["price"]["id"], **named(world, item["price"])})
    return framed(
        visit,
        session,
        "portal_plan.html",
        status=refused.status if refused else 200,
        plan=plan_of(world, session, subscription),
        offered=offered,
        bounds=bounds,
        quantity=item["quantity"] if item else None,
        takes_codes=plan_changes.takes_codes(world, session),
        filled_in={**visit.query, **visit.form},
        refused=refused and refused.message,
    )


def _wish(world: World, session: Seen, ident: str, told: dict[str, str]) -> Wish:
    """What was filled in, checked. Raises: Refusal."""
    return plan_changes.wished(
        world,
        session,
        ident,
        price=told.get("price") or None,
        quantity=_whole(told, "quantity"),
        code=told.get("promotion_code", "").strip() or None,
    )


def _whole(told: dict[str, str], name: str) -> int | None:
    """A number that was filled in. Raises: Refusal, for something else."""
    text = told.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refusal(f"Fill in a whole number for the {name}.", param=name)
    return int(text)


def _own_reasons(world: World, feature: Seen) -> list[Obj]:
    """The account's own reasons for a cancellation, as far as they are still offered."""
    idents = feature["cancellation_reason"]["feedback_options"]
    found = [world.get(feedback_options.KIND, ident) for ident in idents]
    return [
        {"id": one["id"], "description": one["description"]}
        for one in found
        if one["status"] == "active"
    ]

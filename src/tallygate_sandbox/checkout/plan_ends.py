"""In the portal a customer cancels a plan, keeps it after all, pauses it, or goes on with it.

Source: https://docs.stripe.com/customer-management/configure-portal; a pause is the API's own,
https://docs.stripe.com/api/subscriptions/pause. In flexible billing mode a cancellation at the end
of the period is set as `cancel_at`, the latest end of an item; in classic mode it is the flag.

Assumed: a pause of a chosen length ends by itself, by the API's resume as it is without any
parameter.
"""

from collections.abc import Sequence
from typing import Any

from tallygate_sandbox.checkout import plan_changes, portal
from tallygate_sandbox.checkout.asking import ask
from tallygate_sandbox.money.calendar import boundary
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World, due

TIMER = "portal.resume"

Params = dict[str, Any]


def cancel(world: World, session: Seen, ident: str, reason: str | None = None) -> Obj:
    """Cancel a subscription as the configuration says: at once, or when its period ends.

    `reason` is one of the configuration's options, or the id of one of its feedback options.
    """
    feature = portal.enabled(world, session, "subscription_cancel")
    subscription = portal.own(world, session, ident)
    plan_changes.take_back(world, subscription)
    told = _told(feature["cancellation_reason"], reason)
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


def _told(asked: Seen, reason: str | None) -> Params | None:
    if reason in asked["options"]:
        return {"feedback": reason}
    return {"feedback_option": reason} if reason in asked["feedback_options"] else None


def keep(world: World, session: Seen, ident: str) -> Obj:
    """Take a cancellation back that has not happened yet."""
    portal.enabled(world, session, "subscription_cancel")
    subscription = portal.own(world, session, ident)
    end: Params = (
        {"cancel_at_period_end": False}
        if subscription["cancel_at_period_end"]
        else {"cancel_at": ""}
    )
    return ask(world, f"POST /v1/subscriptions/{ident}", **end)


def offer(world: World, session: Seen, ident: str) -> Seen | None:
    """The coupon that a flow offers to who would cancel."""
    wanted = (session["flow"] or {}).get("subscription_cancel")
    if session["_done"] or not wanted or wanted["subscription"] != ident:
        return None
    retention = wanted["retention"]
    return world.find("coupon", retention["coupon_offer"]["coupon"]) if retention else None


def accept(world: World, session: Seen, ident: str) -> Obj:
    """Stay, for the coupon that was offered. Raises: Refusal, when none was."""
    subscription, coupon = portal.own(world, session, ident), offer(world, session, ident)
    if coupon is None:
        raise Refusal("Nothing is offered here.", status=404)
    kept = [{"discount": one} for one in subscription["discounts"]]
    entries = [*kept, {"coupon": coupon["id"]}]
    return ask(world, f"POST /v1/subscriptions/{ident}", discounts=entries)


def pausable(world: World, session: Seen, subscription: Seen) -> bool:
    """May the customer pause it? Only flexible ones without a schedule can be."""
    return bool(
        portal.features_of(world, session)["subscription_pause"]["enabled"]
        and subscription["billing_mode"]["type"] == "flexible"
        and subscription["schedule"] is None
        and subscription["status"] in {"active", "trialing", "past_due"}
    )


def lengths(feature: Seen) -> Sequence[Seen]:
    """How long a pause may be; nothing where it has no end."""
    duration: Obj = feature["duration"]
    return duration["interval_options"] if duration["type"] == "interval_options" else []


def pause(world: World, session: Seen, ident: str, chosen: int = 0) -> Obj:
    """Pause a plan, for the chosen one of the lengths that the configuration has.

    Raises:
        Refusal: no such length, or a subscription that cannot be paused.
    """
    feature = portal.enabled(world, session, "subscription_pause")
    subscription, offered = portal.own(world, session, ident), lengths(feature)
    if offered and not 0 <= chosen < len(offered):
        raise Refusal("Choose for how long.", param="length")
    paused = ask(world, f"POST /v1/subscriptions/{ident}/pause")
    if offered:
        length, now = offered[chosen], world.now(subscription)
        at = boundary(now, length["interval"], length["interval_count"], 1)
        paused["_resumes_at"] = at
        world.set_timer(TIMER, paused, at)
    return paused


def resume(world: World, session: Seen, ident: str) -> Obj:
    """Go on with a plan that was paused by request."""
    portal.enabled(world, session, "subscription_pause")
    subscription = portal.own(world, session, ident)
    world.stop_timer(TIMER, subscription)
    return ask(world, f"POST /v1/subscriptions/{ident}/resume")


@due(TIMER)
def resume_when_due(world: World, ident: str) -> None:
    subscription = world.find("subscription", ident)
    if subscription is None or subscription["status"] != "paused":
        return
    if subscription.get("_resumes_at") == world.now(subscription):
        ask(world, f"POST /v1/subscriptions/{ident}/resume")

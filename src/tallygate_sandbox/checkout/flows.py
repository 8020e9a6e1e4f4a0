"""A portal session's flow: the one thing that a customer came to do.

Source: https://docs.stripe.com/customer-management/portal-deep-links and the SDK's types.
"""

from typing import Any

from tallygate_sandbox.checkout import rules
from tallygate_sandbox.wire.refusals import Refusal, missing_param, no_such
from tallygate_sandbox.world import Obj, Seen, World

OF_SUBSCRIPTIONS = (
    "subscription_cancel",
    "subscription_pause",
    "subscription_update",
    "subscription_update_confirm",
)

Params = dict[str, Any]


def of(world: World, flow: Params, customer: Seen, configuration: Seen) -> Obj:
    """A flow with all its fields, from the parameters that ask for it.

    Raises:
        Refusal: a subscription of somebody else, a feature that is off, a change that the
            configuration does not offer, or a coupon that does not exist.
    """
    kind = flow["type"]
    named: Params = {name: flow.get(name) for name in OF_SUBSCRIPTIONS}
    if kind in named:
        if not named[kind]:
            raise missing_param(f"flow_data[{kind}]")
        _refuse_anothers(world, named[kind], customer, f"flow_data[{kind}][subscription]")
    feature = "subscription_update" if kind.startswith("subscription_update") else kind
    if not configuration["features"][feature]["enabled"]:
        raise Refusal(
            f"The portal configuration does not enable {feature}.", param="flow_data[type]"
        )
    return {
        "after_completion": _after_completion(flow.get("after_completion")),
        "subscription_cancel": _cancel(world, named["subscription_cancel"]),
        "subscription_pause": named["subscription_pause"],
        "subscription_update": named["subscription_update"],
        "subscription_update_confirm": _confirm(
            world, named["subscription_update_confirm"], configuration
        ),
        "type": kind,
    }


def _refuse_anothers(world: World, details: Params, customer: Seen, place: str) -> None:
    found = world.get("subscription", details["subscription"], place)
    if found["customer"] != customer["id"]:
        raise Refusal("The subscription belongs to another customer.", param=place)


def _after_completion(wanted: Params | None) -> Obj:
    after = wanted or {"type": "portal_homepage"}
    if after["type"] == "redirect":
        back = (after.get("redirect") or {}).get("return_url") or ""
        rules.checked_url(back, "flow_data[after_completion][redirect][return_url]")
    return {
        "hosted_confirmation": after.get("hosted_confirmation"),
        "redirect": after.get("redirect"),
        "type": after["type"],
    }


def _cancel(world: World, details: Params | None) -> Obj | None:
    if details is None:
        return None
    retention = details.get("retention")
    if retention:
        place = "flow_data[subscription_cancel][retention][coupon_offer][coupon]"
        world.get("coupon", retention["coupon_offer"]["coupon"], place)
    return {"retention": retention, "subscription": details["subscription"]}


def _confirm(world: World, details: Params | None, configuration: Seen) -> Obj | None:
    """One item of the subscription, and what it is to become."""
    if details is None:
        return None
    place = "flow_data[subscription_update_confirm]"
    subscription = world.get("subscription", details["subscription"])
    if len(details["items"]) != 1 or len(subscription["_items"]) != 1:
        raise Refusal("Exactly one item can be updated.", param=f"{place}[items]")
    wanted = details["items"][0]
    if wanted["id"] not in subscription["_items"]:
        raise no_such("subscription_item", wanted["id"], f"{place}[items][0][id]", status=400)
    offered = configuration["features"]["subscription_update"]["products"]
    price = wanted.get("price")
    if price and not any(price in product["prices"] for product in offered):
        raise Refusal(
            f"The price {price} is not among the configuration's products.",
            param=f"{place}[items][0][price]",
        )
    item = {"id": wanted["id"], "price": price, "quantity": wanted.get("quantity")}
    discounts = [
        _discount(world, one, f"{place}[discounts][{number}]")
        for number, one in enumerate(details.get("discounts") or [])
    ]
    return {
        "discounts": discounts or None,
        "items": [item],
        "subscription": details["subscription"],
    }


def _discount(world: World, wanted: Params, place: str) -> Obj:
    coupon, code = wanted.get("coupon"), wanted.get("promotion_code")
    if bool(coupon) == bool(code):
        raise Refusal("Pass either a coupon or a promotion_code.", param=place)
    kind = "coupon" if coupon else "promotion_code"
    world.get(kind, str(coupon or code), f"{place}[{kind}]")
    return {"coupon": coupon, "promotion_code": code}

"""In the portal a customer changes a plan: another price, another quantity, a promotion code.

Source: https://docs.stripe.com/customer-management/configure-portal and the SDK's types. What a
condition of `schedule_at_period_end` meets waits for the end of the period, in a subscription
schedule.

Assumed: an item's amount is compared as it stands, whatever its interval; a customer who changes
again, or cancels, lets go of what was scheduled; a product's quantity can be adjusted when the
configuration allows quantities and does not say otherwise of the product.
"""

from dataclasses import dataclass
from typing import Any

from tallygate_sandbox.checkout import portal
from tallygate_sandbox.checkout.asking import ask
from tallygate_sandbox.money.prices import exact_amount
from tallygate_sandbox.products import promotion_codes
from tallygate_sandbox.products.prices import in_currency
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World

DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
MOST = 999_999

Params = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a customer wants of a plan; None where it stays. `discounts` as the API takes them."""

    price: str | None = None
    quantity: int | None = None
    discounts: tuple[Params, ...] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which quantities a customer may choose, both included."""

    least: int
    most: int


def item_of(world: World, subscription: Seen) -> Obj | None:
    """The one item that the portal can change: licensed, alone, and under no foreign schedule."""
    items = world.view(subscription)["items"]["data"]
    if len(items) != 1 or items[0]["price"]["recurring"]["usage_type"] == "metered":
        return None
    if subscription["schedule"] and scheduled(world, subscription) is None:
        return None
    item: Obj = items[0]
    return item


def choices(world: World, session: Seen, subscription: Seen) -> list[Seen]:
    """The prices to which a subscription may switch."""
    feature, item = _feature(world, session), item_of(world, subscription)
    if not _allows(feature, "price") or item is None:
        return []
    offered = [ident for product in feature["products"] for ident in product["prices"]]
    prices = [world.get("price", ident) for ident in offered]
    now = item["price"]
    return [p for p in prices if p["id"] != now["id"] and p["currency"] == now["currency"]]


def bounds(world: World, session: Seen, subscription: Seen, price: Seen) -> Bounds | None:
    """Which quantities may be chosen of a price's product; None where it stays as it is."""
    feature = _feature(world, session)
    if not _allows(feature, "quantity") or item_of(world, subscription) is None:
        return None
    for entry in feature["products"]:
        adjustable = entry["adjustable_quantity"]
        if entry["product"] == price["product"] and adjustable["enabled"]:
            most = adjustable["maximum"]
            return Bounds(adjustable["minimum"], MOST if most is None else most)
    return None


def takes_codes(world: World, session: Seen) -> bool:
    return _allows(_feature(world, session), "promotion_code")


def changeable(world: World, session: Seen, subscription: Seen) -> bool:
    """Is there anything that the customer may choose?"""
    item = item_of(world, subscription)
    return item is not None and (
        bool(choices(world, session, subscription))
        or bounds(world, session, subscription, item["price"]) is not None
    )


def wished(
    world: World,
    session: Seen,
    ident: str,
    *,
    price: str | None,
    quantity: int | None,
    code: str | None,
) -> Wish:
    """What a customer filled in, checked; within a confirming flow, what that flow says.

    Raises:
        Refusal: a price that is not offered, a quantity out of bounds, or a code that is none.
    """
    portal.enabled(world, session, "subscription_update")
    subscription = portal.own(world, session, ident)
    if confirm := _confirming(session, ident):
        item = confirm["items"][0]
        told = [{k: v for k, v in one.items() if v} for one in confirm["discounts"] or []]
        return Wish(item["price"], item["quantity"], tuple(told))
    item = item_of(world, subscription)
    if item is None:
        raise Refusal("The portal cannot change this plan.", status=403)
    if price in {None, item["price"]["id"]}:
        target: Seen = item["price"]
    else:
        offered = {one["id"]: one for one in choices(world, session, subscription)}
        if price not in offered:
            raise Refusal("The portal does not offer this price.", param="price")
        target = offered[price]
    _refuse_quantity(bounds(world, session, subscription, target), item, quantity)
    return Wish(target["id"], quantity, _coupons(world, session, code))


def _refuse_quantity(allowed: Bounds | None, item: Seen, quantity: int | None) -> None:
    if quantity is None or (allowed is None and quantity == item.get("quantity")):
        return
    if allowed is None:
        raise Refusal("The quantity of this plan cannot be changed here.", param="quantity")
    if not allowed.least <= quantity <= allowed.most:
        raise Refusal(
            f"Choose a quantity from {allowed.least} to {allowed.most}.", param="quantity"
        )


def _coupons(world: World, session: Seen, code: str | None) -> tuple[Params, ...]:
    if not code:
        return ()
    found = promotion_codes.find(world, code, session["customer"])
    if found is None or not takes_codes(world, session):
        raise Refusal("This code is invalid.", param="promotion_code")
    return ({"promotion_code": found["id"]},)


def change(world: World, session: Seen, ident: str, wish: Wish) -> bool:
    """Change a plan now, or at the end of its period: then True.

    Raises:
        Refusal: nothing would change, or what the API refuses.
    """
    subscription = portal.own(world, session, ident)
    take_back(world, subscription)
    if waits(world, session, subscription, wish):
        _schedule(world, subscription, wish)
        return True
    ask(world, f"POST /v1/subscriptions/{ident}", **_update(world, session, subscription, wish))
    return False


def preview(world: World, session: Seen, ident: str, wish: Wish) -> Obj | None:
    """The invoice that a change leads to first; None for one that waits for the period's end.

    Raises:
        Refusal: what the API refuses.
    """
    subscription = portal.own(world, session, ident)
    if waits(world, session, subscription, wish):
        return None
    params = _update(world, session, subscription, wish)
    asked = ask(
        world,
        "POST /v1/invoices/create_preview",
        subscription=ident,
        discounts=params.pop("discounts"),
        subscription_details=params,
    )
    return world.view(asked)


def waits(world: World, session: Seen, subscription: Seen, wish: Wish) -> bool:
    """Does a condition of the configuration put this change off to the end of the period?"""
    item, feature = item_of(world, subscription), _feature(world, session)
    if item is None:
        return False
    currency = subscription["currency"]
    old, new = (
        in_currency(world.get("price", ident), currency)
        for ident in (item["price"]["id"], wish.price or item["price"]["id"])
    )
    quantity = item["quantity"] if wish.quantity is None else wish.quantity
    if new["id"] == old["id"] and quantity == item["quantity"] and not wish.discounts:
        raise Refusal("Nothing would change.", param="price")
    met = {
        "decreasing_item_amount": exact_amount(new, quantity, currency)
        < exact_amount(old, item["quantity"], currency),
        "shortening_interval": _days(new) < _days(old),
    }
    return any(met[one["type"]] for one in feature["schedule_at_period_end"]["conditions"])


def _update(world: World, session: Seen, subscription: Seen, wish: Wish) -> Params:
    """The parameters of the update by which an integration would make the change."""
    feature, item = _feature(world, session), item_of(world, subscription)
    if item is None:
        raise Refusal("The portal cannot change this plan.", status=403)
    quantity = item["quantity"] if wish.quantity is None else wish.quantity
    anchor = feature["billing_cycle_anchor"]
    trialing = subscription["status"] == "trialing"
    ends_trial = trialing and feature["trial_update_behavior"] == "end_trial"
    kept = [{"discount": ident} for ident in subscription["discounts"]]
    return {
        "items": [
            {"id": item["id"], "price": wish.price or item["price"]["id"], "quantity": quantity}
        ],
        "proration_behavior": feature["proration_behavior"],
        "billing_cycle_anchor": {"type": anchor} if anchor and not trialing else None,
        "trial_end": "now" if ends_trial else None,
        "discounts": [*kept, *wish.discounts] if wish.discounts else None,
    }


def _schedule(world: World, subscription: Seen, wish: Wish) -> None:
    """Have the change come with the next period: a schedule's second phase."""
    made = ask(world, "POST /v1/subscription_schedules", from_subscription=subscription["id"])
    now = made["phases"][0]
    item = now["items"][0]
    new = world.get("price", wish.price or item["price"])
    quantity = item["quantity"] if wish.quantity is None else wish.quantity
    kept = [{"discount": ident} for ident in subscription["discounts"]]
    rhythm = new["recurring"]
    ask(
        world,
        f"POST /v1/subscription_schedules/{made['id']}",
        end_behavior="release",
        phases=[
            {
                "items": [{"price": item["price"], "quantity": item["quantity"]}],
                "start_date": now["start_date"],
                "end_date": now["end_date"],
                "trial_end": now["trial_end"],
            },
            {
                "items": [{"price": new["id"], "quantity": quantity}],
                "proration_behavior": "none",
                "discounts": [*kept, *wish.discounts] if wish.discounts else None,
                "duration": {k: rhythm[k] for k in ("interval", "interval_count")},
            },
        ],
    )
    world.edit("subscription_schedule", made["id"])["_by_portal"] = True


def scheduled(world: World, subscription: Seen) -> Obj | None:
    """The change that a customer made here and that waits: its `price`, `quantity` and `at`."""
    found = world.find("subscription_schedule", subscription["schedule"])
    if found is None or not found.get("_by_portal"):
        return None
    coming = [p for p in found["phases"] if p["start_date"] > world.now(subscription)]
    if not coming:
        return None
    item = coming[0]["items"][0]
    return {"price": item["price"], "quantity": item["quantity"], "at": coming[0]["start_date"]}


def keep(world: World, session: Seen, ident: str) -> None:
    """The customer takes back a change that waits."""
    portal.enabled(world, session, "subscription_update")
    take_back(world, portal.own(world, session, ident))


def take_back(world: World, subscription: Seen) -> None:
    """Let go of the schedule of an earlier change, if there is one that was made here."""
    found = world.find("subscription_schedule", subscription["schedule"])
    if found is not None and found.get("_by_portal"):
        ask(world, f"POST /v1/subscription_schedules/{found['id']}/release")


def _confirming(session: Seen, ident: str) -> Seen | None:
    flow = session["flow"] or {}
    confirm: Seen | None = flow.get("subscription_update_confirm")
    if session["_done"] or confirm is None or confirm["subscription"] != ident:
        return None
    return confirm


def _feature(world: World, session: Seen) -> Seen:
    found: Obj = portal.features_of(world, session)["subscription_update"]
    return found


def _allows(feature: Seen, kind: str) -> bool:
    return bool(feature["enabled"] and kind in feature["default_allowed_updates"])


def _days(price: Seen) -> int:
    return int(DAYS[price["recurring"]["interval"]] * price["recurring"]["interval_count"])

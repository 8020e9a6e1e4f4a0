"""Subscription items: one price, its quantity, and the period that is billed.

Source: https://docs.stripe.com/api/subscription_items; fields as recorded. A metered item has no
quantity: Stripe refuses one.
"""

from typing import Any

from tallygate_sandbox.api import expandable
from tallygate_sandbox.products import prices
from tallygate_sandbox.wire.refusals import Refusal, missing_param
from tallygate_sandbox.world import Obj, Seen, World, index, view_of
from tallygate_sandbox.world.world import public

KIND = "subscription_item"
MAX_QUANTITY = 999_999_999_999

index(KIND, "subscription")
expandable(KIND, discounts="discount")


@view_of(KIND)
def shown(world: World, item: Obj) -> Obj:
    """An item with its price, its plan (the price's older name) and its tax rates."""
    view = public(item)
    if item.get("deleted"):
        return view
    price = world.find("price", item["price"])
    if price is not None:
        view["price"] = world.view(price)
        view["plan"] = plan_of(price)
    rates = [world.find("tax_rate", rate) for rate in item["tax_rates"]]
    view["tax_rates"] = [world.view(rate) for rate in rates if rate is not None]
    return view


def plan_of(price: Seen) -> Obj:
    """A price as the plan that older integrations know."""
    rhythm = price["recurring"] or {}
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": rhythm.get("interval"),
        "interval_count": rhythm.get("interval_count"),
        "livemode": False,
        "metadata": price["metadata"],
        "meter": rhythm.get("meter"),
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": price["transform_quantity"],
        "trial_period_days": rhythm.get("trial_period_days"),
        "usage_type": rhythm.get("usage_type"),
    }


def new_item(world: World, sub: Seen, wanted: dict[str, Any], place: str, at: int) -> Obj:
    """An item as wanted; it is not stored, has no discounts and no period yet.

    Raises:
        Refusal: no price, one that cannot be subscribed to, or a quantity on a metered one.
    """
    price = price_wanted(world, sub, wanted, place)
    item: Obj = {
        "id": world.ids.new("si", 14),
        "object": KIND,
        "billed_until": None,
        "billing_thresholds": wanted.get("billing_thresholds"),
        "created": at,
        "current_period_end": at,
        "current_period_start": at,
        "current_trial": None,
        "discounts": [],
        "metadata": wanted.get("metadata") or {},
        "price": price["id"],
        "subscription": sub["id"],
        "tax_rates": rates_wanted(world, wanted, place),
        # Usage before this instant is none of this item's.
        "_since": at,
        # What was billed in advance for the current period: a credit gives back that.
        "_debits": [],
        # Until when periods were billed before they began.
        "_prebilled_until": None,
    }
    set_quantity(item, price, wanted.get("quantity"), place)
    return item


def price_wanted(world: World, sub: Seen, wanted: dict[str, Any], place: str) -> Seen:
    """The recurring price that is named or described inline.

    Raises:
        Refusal: none, an archived one, one without recurring, or one in another currency.
    """
    named = wanted.get("price") or wanted.get("plan")
    if inline := wanted.get("price_data"):
        if named:
            raise Refusal(
                "You may only specify one of these parameters: price, price_data.",
                code="parameters_exclusive",
                param=f"{place}[price_data]",
            )
        return prices.add(world, {**inline, "active": False}, f"{place}[price_data]")
    if not named:
        raise missing_param(f"{place}[price]")
    price = world.get("price", named, f"{place}[price]")
    if not price["active"]:
        raise Refusal(
            f"The price specified is inactive. This field only accepts active prices: {named}",
            code="price_inactive",
            param=f"{place}[price]",
        )
    if price["recurring"] is None:
        raise Refusal(
            "The price specified is set to `type=one_time` but this field only accepts prices "
            "with `type=recurring`.",
            param=f"{place}[price]",
        )
    if sub["currency"]:
        prices.in_currency(price, sub["currency"])
    return price


def rates_wanted(world: World, wanted: dict[str, Any], place: str) -> list[str]:
    rates = wanted.get("tax_rates") or []
    for rate in rates:
        world.get("tax_rate", rate, f"{place}[tax_rates]")
    return list(rates)


def metered(price: Seen) -> bool:
    """Is this price billed for usage, in arrears?"""
    return bool(price["recurring"] and price["recurring"]["usage_type"] == "metered")


def set_quantity(item: Obj, price: Seen, quantity: int | None, place: str) -> None:
    """Give an item its quantity, 1 where none is wanted; a metered one has none.

    Raises:
        Refusal: a quantity on a metered item, or one below zero.
    """
    where = f"{place}[quantity]"
    if metered(price):
        if quantity is not None:
            raise Refusal(
                "You cannot set the quantity of a metered plan: its usage is what its meter says.",
                param=where,
            )
        item.pop("quantity", None)
        return
    if quantity is not None and not 0 <= quantity <= MAX_QUANTITY:
        raise Refusal(
            "This value must be greater than or equal to 0.",
            code="parameter_invalid_integer",
            param=where,
        )
    item["quantity"] = 1 if quantity is None else quantity

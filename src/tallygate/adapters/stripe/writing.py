"""What is sent to Stripe to make what a price list needs there, or to change it?

Amounts are plain decimal text: the SDK would write a small `Decimal` with an exponent, and Stripe
refuses that.
"""

from collections.abc import Mapping
from typing import Any

from tallygate.adapters.stripe.reading import (
    BASE_UNIT,
    CUSTOMER_KEY,
    INTERVAL,
    LINK,
    MARK,
    PLAN,
    PORTAL,
    VALUE_KEY,
)
from tallygate.collection.held import (
    Asked,
    HeldCoupon,
    HeldLink,
    HeldMeter,
    HeldPortal,
    HeldPrice,
    HeldProduct,
    HeldTier,
)
from tallygate.core.quantity import plain

MAX_COUPON_NAME = 40
MAX_TITLE = 250
UNSET = ""

Params = dict[str, Any]


def product(held: HeldProduct) -> Params:
    """A product under the id that was chosen for it."""
    return {"id": held.id, "name": held.name, "metadata": {MARK: held.id}}


def meter(held: HeldMeter) -> Params:
    """A meter that bills the last total of a period."""
    return {
        "event_name": held.event,
        "display_name": held.title[:MAX_TITLE],
        "default_aggregation": {"formula": "last"},
        "customer_mapping": {"type": "by_id", "event_payload_key": CUSTOMER_KEY},
        "value_settings": {"event_payload_key": VALUE_KEY},
    }


def price(held: HeldPrice, meter_id: str | None, *, takes_key: bool) -> Params:
    """A price in all its currencies; `takes_key`: another price has its lookup key so far."""
    (main, asked), *others = held.amounts.items()
    params: Params = {
        "product": held.product,
        "lookup_key": held.key,
        "currency": main,
        "recurring": {"interval": held.every},
        "metadata": {MARK: held.key},
        **_asked(asked),
    }
    if others:
        params["currency_options"] = {currency: _asked(one) for currency, one in others}
    if held.mode is not None:
        params |= {"billing_scheme": "tiered", "tiers_mode": held.mode}
    if held.block is not None:
        params["transform_quantity"] = {"divide_by": held.block, "round": "up"}
    if meter_id is not None:
        params["recurring"] |= {"usage_type": "metered", "meter": meter_id}
        params["metadata"][BASE_UNIT] = plain(held.base_unit)
    if takes_key:
        params["transfer_lookup_key"] = True
    return params


def coupon(held: HeldCoupon) -> Params:
    """A coupon under the key that it has in the catalog."""
    params: Params = {"id": held.id, "metadata": {MARK: held.id}}
    if len(held.id) <= MAX_COUPON_NAME:
        params["name"] = held.id
    if isinstance(held.duration, int):
        params |= {"duration": "repeating", "duration_in_months": held.duration}
    else:
        params["duration"] = held.duration
    if held.percent_off is not None:
        params["percent_off"] = plain(held.percent_off)
    if held.amount_off:
        (main, amount), *others = held.amount_off.items()
        params |= {"amount_off": amount, "currency": main}
        if others:
            params["currency_options"] = {code: {"amount_off": one} for code, one in others}
    if held.products is not None:
        params["applies_to"] = {"products": sorted(held.products)}
    if held.redeem_by is not None:
        params["redeem_by"] = int(held.redeem_by.timestamp())
    if held.max_redemptions is not None:
        params["max_redemptions"] = held.max_redemptions
    return params


def code(spelled: str, coupon_id: str) -> Params:
    """The promotion code of a coupon."""
    return {
        "code": spelled,
        "promotion": {"type": "coupon", "coupon": coupon_id},
        "metadata": {MARK: coupon_id},
    }


def link(held: HeldLink, prices: Mapping[str, str]) -> Params:
    """A payment link; `prices` are the ids of the prices that it sells, by lookup key."""
    params = link_terms(held)
    if not held.trial_days:
        del params["subscription_data"]["trial_period_days"]
    lines = [{"price": prices[key], "quantity": 1} for key in sorted(held.prices)]
    return {"line_items": lines, **params}


def link_terms(held: HeldLink) -> Params:
    """All of a payment link that can be changed.

    The metadata of a link is not that of the subscriptions that it begets: both have it.
    """
    named = {PLAN: held.plan, INTERVAL: held.interval, LINK: held.name}
    after: Params = {"type": "hosted_confirmation"}
    if held.success_url is not None:
        after = {"type": "redirect", "redirect": {"url": held.success_url}}
    return {
        "metadata": named,
        "subscription_data": {
            "metadata": named,
            "trial_period_days": held.trial_days or UNSET,
        },
        "allow_promotion_codes": held.takes_codes,
        "after_completion": after,
        "automatic_tax": {"enabled": held.automatic_tax},
    }


def portal(held: HeldPortal) -> Params:
    """A portal's configuration, all of it: what is not set is sent as such."""
    return {
        "metadata": {MARK: PORTAL},
        "business_profile": {
            "headline": held.headline or UNSET,
            "privacy_policy_url": held.privacy_policy_url or UNSET,
            "terms_of_service_url": held.terms_of_service_url or UNSET,
        },
        "default_return_url": held.return_url or UNSET,
        "features": {
            "payment_method_update": {"enabled": held.card},
            "invoice_history": {"enabled": held.invoices},
            "customer_update": {
                "enabled": bool(held.details),
                "allowed_updates": sorted(held.details),
            },
            "subscription_cancel": {
                "enabled": held.cancellation != "none",
                "mode": "at_period_end",
                "proration_behavior": "none",
            },
            "subscription_update": {"enabled": held.plan_changes},
            "subscription_pause": {"enabled": held.pauses},
        },
    }


def new_portal(held: HeldPortal) -> Params:
    """The same for one that is to be made: there, nothing has to be unset."""
    return {
        name: {key: one for key, one in value.items() if one != UNSET}
        if isinstance(value, dict)
        else value
        for name, value in portal(held).items()
        if value != UNSET
    }


def _asked(asked: Asked) -> Params:
    if asked.unit is not None:
        return {"unit_amount_decimal": plain(asked.unit)}
    return {"tiers": [_tier(tier) for tier in asked.tiers]}


def _tier(tier: HeldTier) -> Params:
    params: Params = {
        "up_to": "inf" if tier.up_to is None else tier.up_to,
        "unit_amount_decimal": plain(tier.unit),
    }
    if tier.flat:
        params["flat_amount_decimal"] = plain(tier.flat)
    return params
